# Addresses, interfaces and rules, with nothing in it that users would not write for AWS.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "name" {
  type = string
}

variable "instance_type" {
  type = string
}

# Everything that is changed in place hangs on this.
variable "changed" {
  type    = bool
  default = false
}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_ami" "newest" {
  most_recent = true
  owners      = ["self", "amazon"]
  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

resource "aws_eip" "web" {
  domain = "vpc"
  tags   = { Name = var.name, Stage = var.changed ? "two" : "one" }
}

resource "aws_network_interface" "web" {
  subnet_id         = data.aws_subnets.default.ids[0]
  description       = var.changed ? "changed" : "of its own"
  private_ips_count = 1
  security_groups   = [aws_security_group.web.id]
  source_dest_check = !var.changed
  tags              = { Name = var.name }
}

resource "aws_eip_association" "web" {
  allocation_id        = aws_eip.web.id
  network_interface_id = aws_network_interface.web.id
}

resource "aws_instance" "web" {
  ami           = data.aws_ami.newest.id
  instance_type = var.instance_type
  subnet_id     = data.aws_subnets.default.ids[0]
}

resource "aws_network_interface_attachment" "web" {
  instance_id          = aws_instance.web.id
  network_interface_id = aws_network_interface.web.id
  device_index         = 2
}

resource "aws_ec2_managed_prefix_list" "offices" {
  name           = var.name
  address_family = "IPv4"
  max_entries    = 3

  entry {
    cidr = "192.0.2.0/24"
  }

  entry {
    cidr = var.changed ? "203.0.113.0/24" : "198.51.100.0/24"
  }
}

resource "aws_security_group" "web" {
  name        = var.name
  description = "with rules of their own"
  vpc_id      = data.aws_vpc.default.id
}

resource "aws_vpc_security_group_ingress_rule" "offices" {
  security_group_id = aws_security_group.web.id
  description       = var.changed ? "changed" : "from offices"
  prefix_list_id    = aws_ec2_managed_prefix_list.offices.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = { Name = var.name }
}

resource "aws_vpc_security_group_ingress_rule" "low" {
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = var.changed ? "10.0.0.0/8" : "192.0.2.0/24"
  ip_protocol       = "tcp"
  from_port         = 0
  to_port           = 22
  tags              = { Stage = var.changed ? "two" : "one" }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

output "made" {
  value = {
    eip         = aws_eip.web.id
    association = aws_eip_association.web.id
    interface   = aws_network_interface.web.id
    attachment  = aws_network_interface_attachment.web.id
    instance    = aws_instance.web.id
    list        = aws_ec2_managed_prefix_list.offices.id
    group       = aws_security_group.web.id
    offices     = aws_vpc_security_group_ingress_rule.offices.id
    low         = aws_vpc_security_group_ingress_rule.low.id
    all         = aws_vpc_security_group_egress_rule.all.id
  }
}

output "public" {
  value = aws_eip.web.public_ip
}
