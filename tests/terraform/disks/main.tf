# Volumes, snapshots and images, as users write them for AWS.

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

variable "friend" {
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

data "aws_ami" "base" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "architecture"
    values = ["x86_64"]
  }
}

resource "aws_ebs_volume" "data" {
  availability_zone = data.aws_availability_zones.here.names[0]
  size              = var.changed ? 2 : 1
  tags              = { Name = "${var.name}${var.changed ? "-2" : ""}" }
}

# Without a snapshot: Cinder gives a volume with a tagged snapshot no other type.
resource "aws_ebs_volume" "typed" {
  availability_zone = data.aws_availability_zones.here.names[0]
  size              = var.changed ? 2 : 1
  type              = var.changed ? "gp3" : "gp2"
}

resource "aws_ebs_snapshot" "data" {
  volume_id   = aws_ebs_volume.data.id
  description = "nightly"
  tags        = { Name = "${var.name}${var.changed ? "-2" : ""}" }
}

resource "aws_ebs_snapshot_copy" "data" {
  source_snapshot_id = aws_ebs_snapshot.data.id
  source_region      = "us-east-1"
  description        = "copy"
  tags               = { Name = var.name }
}

resource "aws_instance" "source" {
  ami           = data.aws_ami.base.id
  instance_type = var.instance_type
  tags          = { Name = var.name }
}

resource "aws_ami_from_instance" "golden" {
  name                    = "${var.name}-golden"
  source_instance_id      = aws_instance.source.id
  snapshot_without_reboot = true
  tags                    = { Name = "${var.name}${var.changed ? "-2" : ""}" }
}

resource "aws_ami" "registered" {
  name                = "${var.name}-registered"
  description         = var.changed ? "second" : "first"
  virtualization_type = "hvm"
  root_device_name    = "/dev/xvda"
  ebs_block_device {
    device_name = "/dev/xvda"
    snapshot_id = aws_ebs_snapshot_copy.data.id
    volume_size = 1
  }
}

resource "aws_ami_copy" "copied" {
  name              = "${var.name}-copied"
  source_ami_id     = aws_ami.registered.id
  source_ami_region = "us-east-1"
  tags              = { Name = var.name }
}

resource "aws_ami_launch_permission" "friend" {
  image_id   = aws_ami.registered.id
  account_id = var.friend
}

data "aws_ebs_snapshot" "found" {
  owners      = ["self"]
  most_recent = true
  filter {
    name   = "volume-id"
    values = [aws_ebs_volume.data.id]
  }
  depends_on = [aws_ebs_snapshot.data]
}

output "made" {
  value = {
    volume     = aws_ebs_volume.data.id
    typed      = aws_ebs_volume.typed.id
    snapshot   = aws_ebs_snapshot.data.id
    copy       = aws_ebs_snapshot_copy.data.id
    golden     = aws_ami_from_instance.golden.id
    registered = aws_ami.registered.id
    copied     = aws_ami_copy.copied.id
  }
}

output "found" {
  value = data.aws_ebs_snapshot.found.id
}
