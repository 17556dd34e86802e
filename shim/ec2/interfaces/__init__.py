"""Elastic IP addresses and network interfaces: make, associate, attach, change and delete them."""
