"""EC2: pure functions, and actions on a real cloud, checked through the AWS and the OpenStack API."""
