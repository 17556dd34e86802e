"""What the AWS API made, tried with packets: instances are network namespaces, plugged by their ports."""
