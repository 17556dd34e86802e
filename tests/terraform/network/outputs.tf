output "made" {
  value = {
    vpc           = aws_vpc.this.id
    options       = aws_vpc_dhcp_options.this[0].id
    default_table = aws_default_route_table.default.id
    default_acl   = aws_default_network_acl.this.id
    default_group = aws_default_security_group.this.id
    igw           = aws_internet_gateway.this[0].id
    public_table  = aws_route_table.public[0].id
    intra_table   = aws_route_table.intra[0].id
  }
}

output "subnets" {
  value = {
    public   = aws_subnet.public[*].id
    private  = aws_subnet.private[*].id
    database = aws_subnet.database[*].id
    intra    = [for block in var.intra_subnets : aws_subnet.intra[block].id]
  }
}

# What is there for each NAT gateway.
output "gateways" {
  value = {
    nats      = aws_nat_gateway.this[*].id
    addresses = aws_eip.nat[*].id
    public    = aws_nat_gateway.this[*].public_ip
    tables    = aws_route_table.private[*].id
  }
}
