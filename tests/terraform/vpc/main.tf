# A network as users write it: public and private subnets, their routes, and the VPC's own resources adopted.

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

# Everything that is changed in place hangs on this.
variable "changed" {
  type    = bool
  default = false
}

data "aws_availability_zones" "here" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block           = "10.40.0.0/16"
  enable_dns_hostnames = !var.changed
  enable_dns_support   = !var.changed
  tags = {
    Name  = var.name
    Stage = var.changed ? "two" : "one"
  }
}

resource "aws_vpc_ipv4_cidr_block_association" "more" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.41.0.0/16"
}

resource "aws_vpc_dhcp_options" "main" {
  domain_name         = "example.internal"
  domain_name_servers = ["10.40.0.9", "AmazonProvidedDNS"]
  ntp_servers         = ["10.40.0.7"]
  tags = {
    Name  = var.name
    Stage = var.changed ? "two" : "one"
  }
}

resource "aws_vpc_dhcp_options" "other" {
  domain_name = "other.internal"
}

resource "aws_vpc_dhcp_options_association" "main" {
  vpc_id          = aws_vpc.main.id
  dhcp_options_id = var.changed ? aws_vpc_dhcp_options.other.id : aws_vpc_dhcp_options.main.id
}

resource "aws_subnet" "public" {
  count                   = 2
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  availability_zone       = data.aws_availability_zones.here.names[0]
  map_public_ip_on_launch = true
  tags                    = { Name = "${var.name}-public-${count.index}" }
}

resource "aws_subnet" "private" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.41.1.0/24"
  tags       = { Name = "${var.name}-private" }
  depends_on = [aws_vpc_ipv4_cidr_block_association.more]
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = var.name }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  subnet_id      = aws_subnet.private.id
  route_table_id = var.changed ? aws_route_table.public.id : aws_route_table.private.id
}

resource "aws_default_route_table" "main" {
  default_route_table_id = aws_vpc.main.default_route_table_id
  tags                   = { Name = "${var.name}-default" }
}

resource "aws_default_network_acl" "main" {
  default_network_acl_id = aws_vpc.main.default_network_acl_id
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
  tags = { Name = "${var.name}-default" }
  lifecycle {
    ignore_changes = [subnet_ids]
  }
}

resource "aws_default_security_group" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${var.name}-default" }
}

output "made" {
  value = {
    vpc     = aws_vpc.main.id
    public  = aws_subnet.public[0].id
    private = aws_subnet.private.id
    igw     = aws_internet_gateway.main.id
    table   = aws_route_table.public.id
    options = aws_vpc_dhcp_options.main.id
    other   = aws_vpc_dhcp_options.other.id
    group   = aws_default_security_group.main.id
  }
}
