# A network as most teams lay theirs out: four tiers of subnets over three zones, a NAT gateway for each zone or one for
# all, and what comes with a VPC adopted. Everything hangs on a switch, as in a module that many configurations share.

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

data "aws_availability_zones" "here" {
  state = "available"
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  # A cloud of fewer zones than three has its subnets in those that there are.
  zones = [for place in range(3) : element(data.aws_availability_zones.here.names, place)]
  tags  = merge(var.tags, { Network = var.name })

  gateways = !var.enable_nat_gateway ? 0 : var.single_nat_gateway ? 1 : var.one_nat_gateway_per_az ? length(local.zones) : length(var.private_subnets)
  # A private route table for each NAT gateway, and one where there is none.
  private_tables = max(local.gateways, 1)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(local.tags, { Name = var.name })
}

resource "aws_vpc_dhcp_options" "this" {
  count               = var.enable_dhcp_options ? 1 : 0
  domain_name_servers = var.dhcp_options_domain_name_servers
  tags                = merge(local.tags, { Name = var.name })
}

resource "aws_vpc_dhcp_options_association" "this" {
  count           = var.enable_dhcp_options ? 1 : 0
  vpc_id          = aws_vpc.this.id
  dhcp_options_id = aws_vpc_dhcp_options.this[0].id
}

# What comes with a VPC.

resource "aws_default_route_table" "default" {
  default_route_table_id = aws_vpc.this.default_route_table_id
  tags                   = merge(local.tags, { Name = "${var.name}-default" })
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  dynamic "ingress" {
    for_each = var.default_security_group_ingress
    content {
      self        = lookup(ingress.value, "self", null)
      cidr_blocks = compact(split(",", lookup(ingress.value, "cidr_blocks", "")))
      description = lookup(ingress.value, "description", null)
      from_port   = lookup(ingress.value, "from_port", 0)
      to_port     = lookup(ingress.value, "to_port", 0)
      protocol    = lookup(ingress.value, "protocol", "-1")
    }
  }
  dynamic "egress" {
    for_each = var.default_security_group_egress
    content {
      cidr_blocks = compact(split(",", lookup(egress.value, "cidr_blocks", "")))
      from_port   = lookup(egress.value, "from_port", 0)
      to_port     = lookup(egress.value, "to_port", 0)
      protocol    = lookup(egress.value, "protocol", "-1")
    }
  }
  tags = merge(local.tags, { Name = "${var.name}-default" })
}

resource "aws_default_network_acl" "this" {
  default_network_acl_id = aws_vpc.this.default_network_acl_id
  dynamic "ingress" {
    for_each = var.default_network_acl_entries
    content {
      action          = "allow"
      rule_no         = ingress.value.rule_no
      protocol        = "-1"
      from_port       = 0
      to_port         = 0
      cidr_block      = lookup(ingress.value, "cidr_block", null)
      ipv6_cidr_block = lookup(ingress.value, "ipv6_cidr_block", null)
    }
  }
  dynamic "egress" {
    for_each = var.default_network_acl_entries
    content {
      action          = "allow"
      rule_no         = egress.value.rule_no
      protocol        = "-1"
      from_port       = 0
      to_port         = 0
      cidr_block      = lookup(egress.value, "cidr_block", null)
      ipv6_cidr_block = lookup(egress.value, "ipv6_cidr_block", null)
    }
  }
  tags = merge(local.tags, { Name = "${var.name}-default" })
  lifecycle {
    ignore_changes = [subnet_ids] # every subnet without an ACL of its own is in it
  }
}

# The tiers.

resource "aws_internet_gateway" "this" {
  count  = length(var.public_subnets) > 0 ? 1 : 0
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = var.name })
}

resource "aws_subnet" "public" {
  count                   = length(var.public_subnets)
  vpc_id                  = aws_vpc.this.id
  cidr_block              = var.public_subnets[count.index]
  availability_zone       = element(local.zones, count.index)
  map_public_ip_on_launch = var.map_public_ip_on_launch
  tags                    = merge(local.tags, { Name = "${var.name}-public-${count.index}" }, var.public_subnet_tags)
}

resource "aws_route_table" "public" {
  count  = length(var.public_subnets) > 0 ? 1 : 0
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${var.name}-public" })
}

resource "aws_route" "internet" {
  count                  = length(var.public_subnets) > 0 ? 1 : 0
  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
  timeouts {
    create = "5m"
  }
}

resource "aws_route_table_association" "public" {
  count          = length(var.public_subnets)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_subnet" "private" {
  count             = length(var.private_subnets)
  vpc_id            = aws_vpc.this.id
  cidr_block        = var.private_subnets[count.index]
  availability_zone = element(local.zones, count.index)
  tags              = merge(local.tags, { Name = "${var.name}-private-${count.index}" }, var.private_subnet_tags)
}

resource "aws_route_table" "private" {
  count  = local.private_tables
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${var.name}-private-${count.index}" })
}

resource "aws_route_table_association" "private" {
  count          = length(var.private_subnets)
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private[count.index % local.private_tables].id
}

# The databases go by the private tables, unless they have one of their own, which leads nowhere.
resource "aws_subnet" "database" {
  count             = length(var.database_subnets)
  vpc_id            = aws_vpc.this.id
  cidr_block        = var.database_subnets[count.index]
  availability_zone = element(local.zones, count.index)
  tags              = merge(local.tags, { Name = "${var.name}-database-${count.index}" }, var.database_subnet_tags)
}

resource "aws_route_table" "database" {
  count  = var.create_database_subnet_route_table ? 1 : 0
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${var.name}-database" })
}

resource "aws_route_table_association" "database" {
  count          = length(var.database_subnets)
  subnet_id      = aws_subnet.database[count.index].id
  route_table_id = var.create_database_subnet_route_table ? aws_route_table.database[0].id : aws_route_table.private[count.index % local.private_tables].id
}

resource "aws_subnet" "intra" {
  for_each          = { for place, block in var.intra_subnets : block => element(local.zones, place) }
  vpc_id            = aws_vpc.this.id
  cidr_block        = each.key
  availability_zone = each.value
  tags              = merge(local.tags, { Name = "${var.name}-intra" }, var.intra_subnet_tags)
}

resource "aws_route_table" "intra" {
  count  = length(var.intra_subnets) > 0 ? 1 : 0
  vpc_id = aws_vpc.this.id
  tags   = merge(local.tags, { Name = "${var.name}-intra" })
}

resource "aws_route_table_association" "intra" {
  for_each       = aws_subnet.intra
  subnet_id      = each.value.id
  route_table_id = aws_route_table.intra[0].id
}

# The NAT gateways.

resource "aws_eip" "nat" {
  count      = local.gateways
  domain     = "vpc"
  tags       = merge(local.tags, { Name = "${var.name}-${count.index}" })
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  count         = local.gateways
  allocation_id = aws_eip.nat[count.index].id
  subnet_id     = aws_subnet.public[count.index].id
  tags          = merge(local.tags, { Name = "${var.name}-${count.index}" })
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route" "nat" {
  count                  = local.gateways
  route_table_id         = aws_route_table.private[count.index].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[count.index].id
  timeouts {
    create = "5m"
  }
}

# What is switched off: the gateway has no flow logs and no endpoints.

resource "aws_flow_log" "this" {
  count                = var.enable_flow_log ? 1 : 0
  vpc_id               = aws_vpc.this.id
  log_destination      = "arn:aws:s3:::${var.name}"
  log_destination_type = "s3"
  traffic_type         = "ALL"
}

resource "aws_vpc_endpoint" "s3" {
  count        = var.enable_s3_endpoint ? 1 : 0
  vpc_id       = aws_vpc.this.id
  service_name = "com.amazonaws.us-east-1.s3"
}
