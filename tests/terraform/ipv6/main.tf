# A network of both IP versions: its blocks, its route to the internet, and an interface with an address.

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

resource "aws_vpc" "main" {
  cidr_block                       = "10.42.0.0/16"
  assign_generated_ipv6_cidr_block = true
  tags                             = { Name = var.name }
}

resource "aws_subnet" "made_with" {
  vpc_id                          = aws_vpc.main.id
  cidr_block                      = cidrsubnet(aws_vpc.main.cidr_block, 8, 0)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, 0)
  assign_ipv6_address_on_creation = true
}

resource "aws_subnet" "later" {
  vpc_id                          = aws_vpc.main.id
  cidr_block                      = cidrsubnet(aws_vpc.main.cidr_block, 8, 1)
  ipv6_cidr_block                 = var.changed ? cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, 1) : null
  assign_ipv6_address_on_creation = var.changed
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route_table" "main" {
  vpc_id = aws_vpc.main.id
}

resource "aws_route" "internet" {
  route_table_id              = aws_route_table.main.id
  destination_ipv6_cidr_block = "::/0"
  gateway_id                  = aws_internet_gateway.main.id
}

resource "aws_route_table_association" "made_with" {
  subnet_id      = aws_subnet.made_with.id
  route_table_id = aws_route_table.main.id
}

resource "aws_network_interface" "main" {
  subnet_id          = aws_subnet.made_with.id
  ipv6_address_count = var.changed ? 2 : 1
}

output "made" {
  value = {
    vpc       = aws_vpc.main.id
    subnet    = aws_subnet.made_with.id
    later     = aws_subnet.later.id
    table     = aws_route_table.main.id
    interface = aws_network_interface.main.id
  }
}
