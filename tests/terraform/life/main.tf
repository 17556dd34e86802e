# What users write, with nothing in it that they would not write for AWS.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region            = "us-east-1"
  s3_use_path_style = true
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

data "aws_caller_identity" "me" {}

data "aws_regions" "all" {}

data "aws_availability_zones" "here" {
  state = "available"
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

data "aws_subnet" "first" {
  id = data.aws_subnets.default.ids[0]
}

data "aws_ami" "newest" {
  most_recent = true
  owners      = ["self", "amazon"]
  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

resource "aws_key_pair" "key" {
  key_name   = var.name
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEvW5pXfYbQfT4rF6v0x2v3m0dXkzYg3p1Z3m6m1mB1k terraform"
}

resource "aws_security_group" "web" {
  name        = "${var.name}-web"
  description = "with rules of their own"
  vpc_id      = data.aws_vpc.default.id
  tags        = { Name = var.name }
}

resource "aws_vpc_security_group_ingress_rule" "http" {
  security_group_id = aws_security_group.web.id
  description       = "http"
  cidr_ipv4         = var.changed ? "10.0.0.0/8" : "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_ingress_rule" "peers" {
  security_group_id            = aws_security_group.web.id
  referenced_security_group_id = aws_security_group.web.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "everything" {
  security_group_id = aws_security_group.web.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_security_group" "inline" {
  name        = "${var.name}-inline"
  description = "with rules in it"
  ingress {
    protocol    = "tcp"
    from_port   = 22
    to_port     = var.changed ? 23 : 22
    cidr_blocks = ["10.0.0.0/8"]
  }
  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "web" {
  ami                    = data.aws_ami.newest.id
  instance_type          = var.instance_type
  key_name               = aws_key_pair.key.key_name
  subnet_id              = data.aws_subnet.first.id
  vpc_security_group_ids = [aws_security_group.web.id]
  user_data              = "#!/bin/sh\necho hello\n"
  tags = {
    Name = var.name
    Role = var.changed ? "db" : "web"
  }
  lifecycle {
    # Nova shows user data to administrators alone, so an import cannot read it back.
    ignore_changes = [user_data]
  }
}

resource "aws_ebs_volume" "data" {
  availability_zone = data.aws_availability_zones.here.names[0]
  size              = 1
  tags = {
    Name  = var.name
    Stage = var.changed ? "two" : "one"
  }
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.web.id
}

resource "aws_s3_bucket" "files" {
  bucket        = var.name
  force_destroy = true
  tags          = { Name = var.name, Stage = var.changed ? "two" : "one" }
}

resource "aws_s3_bucket_public_access_block" "files" {
  bucket                  = aws_s3_bucket.files.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = !var.changed
}

resource "aws_s3_bucket_ownership_controls" "files" {
  bucket = aws_s3_bucket.files.bucket
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_object" "text" {
  bucket       = aws_s3_bucket.files.bucket
  key          = "a/text"
  content      = var.changed ? "two" : "one"
  content_type = "text/plain"
}

resource "aws_s3_object" "file" {
  bucket = aws_s3_bucket.files.bucket
  key    = "a/file"
  source = "${path.module}/main.tf"
  etag   = filemd5("${path.module}/main.tf")
}

resource "aws_s3_object_copy" "copy" {
  bucket = aws_s3_bucket.files.bucket
  key    = "copy"
  source = "${aws_s3_bucket.files.bucket}/${aws_s3_object.file.key}"
}

data "aws_instances" "named" {
  filter {
    name   = "tag:Name"
    values = [var.name]
  }
  depends_on = [aws_instance.web]
}

data "aws_ebs_volume" "data" {
  filter {
    name   = "volume-id"
    values = [aws_ebs_volume.data.id]
  }
}

data "aws_security_group" "web" {
  id = aws_security_group.web.id
}

data "aws_network_interface" "web" {
  id = aws_instance.web.primary_network_interface_id
}

data "aws_s3_objects" "a" {
  bucket     = aws_s3_bucket.files.bucket
  prefix     = "a/"
  depends_on = [aws_s3_object.text, aws_s3_object.file]
}

output "made" {
  value = {
    instance   = aws_instance.web.id
    interface  = aws_instance.web.primary_network_interface_id
    volume     = aws_ebs_volume.data.id
    web        = aws_security_group.web.id
    inline     = aws_security_group.inline.id
    http       = aws_vpc_security_group_ingress_rule.http.id
    peers      = aws_vpc_security_group_ingress_rule.peers.id
    everything = aws_vpc_security_group_egress_rule.everything.id
  }
}

output "seen" {
  value = {
    account   = data.aws_caller_identity.me.account_id
    regions   = data.aws_regions.all.names
    instances = data.aws_instances.named.ids
    volume    = data.aws_ebs_volume.data.tags["Stage"]
    group     = data.aws_security_group.web.name
    interface = data.aws_network_interface.web.attachment[0].instance_id
    objects   = data.aws_s3_objects.a.keys
  }
}
