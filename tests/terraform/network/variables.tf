variable "name" {
  type = string
}

variable "cidr" {
  type    = string
  default = "10.60.0.0/16"
}

variable "public_subnets" {
  type    = list(string)
  default = ["10.60.0.0/24", "10.60.1.0/24", "10.60.2.0/24"]
}

variable "private_subnets" {
  type    = list(string)
  default = ["10.60.10.0/24", "10.60.11.0/24", "10.60.12.0/24"]
}

variable "database_subnets" {
  type    = list(string)
  default = ["10.60.20.0/24", "10.60.21.0/24", "10.60.22.0/24"]
}

variable "intra_subnets" {
  type    = list(string)
  default = ["10.60.30.0/24", "10.60.31.0/24", "10.60.32.0/24"]
}

variable "enable_nat_gateway" {
  type    = bool
  default = true
}

variable "single_nat_gateway" {
  type    = bool
  default = false
}

variable "one_nat_gateway_per_az" {
  type    = bool
  default = true
}

variable "create_database_subnet_route_table" {
  type    = bool
  default = false
}

variable "map_public_ip_on_launch" {
  type    = bool
  default = false
}

variable "enable_dhcp_options" {
  type    = bool
  default = true
}

variable "dhcp_options_domain_name_servers" {
  type    = list(string)
  default = ["10.60.0.9", "AmazonProvidedDNS"]
}

variable "enable_flow_log" {
  type    = bool
  default = false
}

variable "enable_s3_endpoint" {
  type    = bool
  default = false
}

variable "default_security_group_ingress" {
  type    = list(map(string))
  default = [{ self = true, description = "its own members" }]
}

variable "default_security_group_egress" {
  type    = list(map(string))
  default = [{ cidr_blocks = "0.0.0.0/0" }]
}

variable "default_network_acl_entries" {
  type = list(map(string))
  default = [
    { rule_no = 100, cidr_block = "0.0.0.0/0" },
    { rule_no = 101, ipv6_cidr_block = "::/0" },
  ]
}

variable "tags" {
  type    = map(string)
  default = { Environment = "test" }
}

variable "public_subnet_tags" {
  type    = map(string)
  default = { Tier = "public", "kubernetes.io/role/elb" = "1" }
}

variable "private_subnet_tags" {
  type    = map(string)
  default = { Tier = "private", "kubernetes.io/role/internal-elb" = "1" }
}

variable "database_subnet_tags" {
  type    = map(string)
  default = { Tier = "database" }
}

variable "intra_subnet_tags" {
  type    = map(string)
  default = { Tier = "intra" }
}
