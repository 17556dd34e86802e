# All at once: a network, what protects it, what runs in it, and its disks and images, as users write it for AWS.

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

variable "larger_type" {
  type = string
}

# Everything that is changed hangs on this.
variable "changed" {
  type    = bool
  default = false
}

locals {
  tags = { Name = var.name, Stage = var.changed ? "two" : "one" }
}

data "aws_region" "here" {}

data "aws_availability_zones" "here" {
  state = "available"
}

data "aws_ami" "base" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

data "aws_ec2_instance_type" "small" {
  instance_type = var.instance_type
}

data "aws_vpc" "main" {
  id = aws_vpc.main.id
}

data "aws_subnets" "main" {
  filter {
    name   = "vpc-id"
    values = [aws_vpc.main.id]
  }
  depends_on = [aws_subnet.public, aws_subnet.private]
}

data "aws_instance" "web" {
  instance_id = aws_instance.web.id
}

data "aws_security_group" "web" {
  vpc_id     = aws_vpc.main.id
  name       = "${var.name}-web"
  depends_on = [aws_security_group.web]
}

resource "aws_vpc" "main" {
  cidr_block           = "10.50.0.0/16"
  enable_dns_hostnames = true
  tags                 = local.tags
}

resource "aws_vpc_ipv4_cidr_block_association" "more" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.51.0.0/16"
}

resource "aws_vpc_dhcp_options" "main" {
  domain_name_servers = ["10.50.0.9", "AmazonProvidedDNS"]
  tags                = local.tags
}

resource "aws_vpc_dhcp_options_association" "main" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = aws_vpc_dhcp_options.main.id
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, 0)
  availability_zone       = data.aws_availability_zones.here.names[0]
  map_public_ip_on_launch = !var.changed
  tags                    = local.tags
}

resource "aws_subnet" "private" {
  vpc_id     = aws_vpc.main.id
  cidr_block = cidrsubnet(aws_vpc_ipv4_cidr_block_association.more.cidr_block, 8, 0)
  tags       = local.tags
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = local.tags
}

resource "aws_eip" "nat" {
  domain = "vpc"
  tags   = local.tags
}

resource "aws_nat_gateway" "main" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public.id
  tags          = local.tags
  depends_on    = [aws_internet_gateway.main]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = local.tags
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
  tags   = local.tags
}

resource "aws_route" "private" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main.id
}

# The same destination by another way, when changed.
resource "aws_route" "partner" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "198.51.100.0/24"
  nat_gateway_id         = var.changed ? null : aws_nat_gateway.main.id
  gateway_id             = var.changed ? aws_internet_gateway.main.id : null
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  subnet_id      = aws_subnet.private.id
  route_table_id = var.changed ? aws_route_table.public.id : aws_route_table.private.id
}

resource "aws_network_acl" "open" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.private.id]
  ingress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no    = 100
    action     = "allow"
    protocol   = "-1"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
  tags = local.tags
}

resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id
  tags   = local.tags
}

resource "aws_security_group" "web" {
  name        = "${var.name}-web"
  description = "with rules of their own"
  vpc_id      = aws_vpc.main.id
  tags        = local.tags
}

resource "aws_security_group" "inner" {
  name        = "${var.name}-inner"
  description = "with a rule of the old kind"
  vpc_id      = aws_vpc.main.id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = var.changed ? "10.0.0.0/8" : "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  tags              = local.tags
}

resource "aws_vpc_security_group_egress_rule" "web" {
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_security_group_rule" "inner" {
  type                     = "ingress"
  security_group_id        = aws_security_group.inner.id
  source_security_group_id = aws_security_group.web.id
  protocol                 = "tcp"
  from_port                = 5432
  to_port                  = 5432
}

resource "aws_key_pair" "main" {
  key_name   = var.name
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEvW5pXfYbQfT4rF6v0x2v3m0dXkzYg3p1Z3m6m1mB1k terraform"
  lifecycle {
    ignore_changes = [public_key] # the provider does not read it back
  }
}

resource "aws_placement_group" "apart" {
  name     = var.name
  strategy = "spread"
}

resource "aws_launch_template" "worker" {
  name                   = var.name
  description            = var.changed ? "second" : "first"
  image_id               = data.aws_ami.base.id
  instance_type          = data.aws_ec2_instance_type.small.instance_type
  key_name               = aws_key_pair.main.key_name
  vpc_security_group_ids = [aws_security_group.inner.id]
  tag_specifications {
    resource_type = "volume"
    tags          = { Name = var.name }
  }
}

resource "aws_instance" "web" {
  ami                    = data.aws_ami.base.id
  instance_type          = var.changed ? var.larger_type : data.aws_ec2_instance_type.small.instance_type
  subnet_id              = aws_subnet.public.id
  key_name               = aws_key_pair.main.key_name
  placement_group        = aws_placement_group.apart.name
  vpc_security_group_ids = var.changed ? [aws_security_group.web.id, aws_security_group.inner.id] : [aws_security_group.web.id]
  tags                   = local.tags
}

resource "aws_instance" "worker" {
  subnet_id = aws_subnet.private.id
  launch_template {
    id      = aws_launch_template.worker.id
    version = "1"
  }
  tags = local.tags
}

resource "aws_instance" "spare" {
  ami           = data.aws_ami.base.id
  instance_type = data.aws_ec2_instance_type.small.instance_type
  subnet_id     = aws_subnet.private.id
  tags          = local.tags
}

resource "aws_ec2_instance_state" "worker" {
  instance_id = aws_instance.worker.id
  state       = var.changed ? "stopped" : "running"
}

resource "aws_network_interface" "second" {
  subnet_id       = aws_subnet.public.id
  security_groups = var.changed ? [aws_security_group.inner.id] : [aws_security_group.web.id]
  tags            = local.tags
}

resource "aws_network_interface_attachment" "second" {
  instance_id          = aws_instance.web.id
  network_interface_id = aws_network_interface.second.id
  device_index         = 1
}

# An address that moves from one interface to another.
resource "aws_eip" "web" {
  domain = "vpc"
  tags   = local.tags
}

resource "aws_eip_association" "web" {
  allocation_id        = aws_eip.web.id
  network_interface_id = var.changed ? aws_network_interface.second.id : aws_instance.web.primary_network_interface_id
  depends_on           = [aws_network_interface_attachment.second, aws_route.internet]
}

# One that moves from one instance to another.
resource "aws_eip" "moving" {
  domain     = "vpc"
  instance   = var.changed ? aws_instance.spare.id : aws_instance.worker.id
  tags       = local.tags
  depends_on = [aws_internet_gateway.main]
}

resource "aws_ebs_volume" "data" {
  availability_zone = data.aws_availability_zones.here.names[0]
  size              = var.changed ? 2 : 1
  tags              = local.tags
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.web.id
}

resource "aws_ebs_snapshot" "data" {
  volume_id = aws_ebs_volume.data.id
  tags      = local.tags
}

resource "aws_ami_from_instance" "golden" {
  name                    = var.name
  source_instance_id      = aws_instance.worker.id
  snapshot_without_reboot = true
  tags                    = local.tags
}

output "made" {
  value = {
    vpc           = aws_vpc.main.id
    more          = aws_vpc_ipv4_cidr_block_association.more.id
    options       = aws_vpc_dhcp_options.main.id
    public        = aws_subnet.public.id
    private       = aws_subnet.private.id
    igw           = aws_internet_gateway.main.id
    nat           = aws_nat_gateway.main.id
    nat_address   = aws_eip.nat.id
    public_table  = aws_route_table.public.id
    private_table = aws_route_table.private.id
    acl           = aws_network_acl.open.id
    default_group = aws_default_security_group.main.id
    web_group     = aws_security_group.web.id
    inner_group   = aws_security_group.inner.id
    web_in        = aws_vpc_security_group_ingress_rule.web.id
    web_out       = aws_vpc_security_group_egress_rule.web.id
    template      = aws_launch_template.worker.id
    web           = aws_instance.web.id
    worker        = aws_instance.worker.id
    spare         = aws_instance.spare.id
    second        = aws_network_interface.second.id
    address       = aws_eip.web.id
    moving        = aws_eip.moving.id
    volume        = aws_ebs_volume.data.id
    snapshot      = aws_ebs_snapshot.data.id
    image         = aws_ami_from_instance.golden.id
  }
}

# What changes with the resource that it names.
output "attachment" {
  value = {
    interface   = aws_network_interface_attachment.second.id
    association = aws_eip_association.web.id
    primary     = aws_instance.web.primary_network_interface_id
  }
}

output "seen" {
  value = {
    region  = data.aws_region.here.name
    cidr    = data.aws_vpc.main.cidr_block
    subnets = data.aws_subnets.main.ids
    web     = data.aws_instance.web.subnet_id
    group   = data.aws_security_group.web.id
    vcpus   = data.aws_ec2_instance_type.small.default_vcpus
  }
}
