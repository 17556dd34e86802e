# Two buckets with everything that can be configured on a bucket, as users write it for AWS.

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
  default_tags {
    tags = { Team = "storage" }
  }
}

variable "name" {
  type = string
}

# The ARN of a destination that the operator has named.
variable "topic" {
  type = string
}

# Everything that is changed in place hangs on this.
variable "changed" {
  type    = bool
  default = false
}

data "aws_caller_identity" "me" {}

data "aws_canonical_user_id" "me" {}

# Versions, Object Lock and a log of its own.

resource "aws_s3_bucket" "kept" {
  bucket              = "${var.name}-kept"
  force_destroy       = true
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "kept" {
  bucket = aws_s3_bucket.kept.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "kept" {
  bucket = aws_s3_bucket.kept.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = var.changed ? 2 : 1
    }
  }
}

resource "aws_s3_bucket_logging" "kept" {
  bucket        = aws_s3_bucket.kept.id
  target_bucket = aws_s3_bucket.open.id
  target_prefix = var.changed ? "logs/kept/" : "logs/"
}

resource "aws_s3_bucket_notification" "kept" {
  bucket = aws_s3_bucket.kept.id

  topic {
    topic_arn     = var.topic
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "in/"
    filter_suffix = var.changed ? ".png" : ".jpg"
  }

  topic {
    id        = "deletions"
    topic_arn = var.topic
    events    = ["s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"]
  }
}

resource "aws_s3_object" "kept" {
  bucket        = aws_s3_bucket_versioning.kept.bucket
  key           = "kept"
  content       = var.changed ? "two" : "one"
  force_destroy = true # a destroy may pass over the retention
  tags          = { Stage = var.changed ? "two" : "one" }
  lifecycle {
    # The provider takes the bucket's default retention, which S3 gives each object, for a difference.
    ignore_changes = [object_lock_mode, object_lock_retain_until_date]
  }
}

# Everything else.

resource "aws_s3_bucket" "open" {
  bucket        = "${var.name}-open"
  force_destroy = true
  tags          = { Stage = var.changed ? "two" : "one" }
}

resource "aws_s3_bucket_versioning" "open" {
  bucket = aws_s3_bucket.open.id
  versioning_configuration {
    status = var.changed ? "Suspended" : "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "open" {
  bucket = aws_s3_bucket.open.id
  rule {
    object_ownership = var.changed ? "ObjectWriter" : "BucketOwnerPreferred"
  }
}

resource "aws_s3_bucket_public_access_block" "open" {
  bucket                  = aws_s3_bucket.open.id
  block_public_acls       = false
  block_public_policy     = var.changed
  ignore_public_acls      = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_acl" "open" {
  bucket = aws_s3_bucket_ownership_controls.open.bucket
  access_control_policy {
    owner {
      id = data.aws_canonical_user_id.me.id
    }
    grant {
      permission = "FULL_CONTROL"
      grantee {
        id   = data.aws_canonical_user_id.me.id
        type = "CanonicalUser"
      }
    }
    grant {
      permission = var.changed ? "READ_ACP" : "READ"
      grantee {
        uri  = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
        type = "Group"
      }
    }
  }
  depends_on = [aws_s3_bucket_public_access_block.open]
}

data "aws_iam_policy_document" "open" {
  statement {
    sid       = var.changed ? "Two" : "One"
    effect    = "Deny"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${aws_s3_bucket.open.arn}/never/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalAccount"
      values   = [data.aws_caller_identity.me.account_id]
    }
  }
}

resource "aws_s3_bucket_policy" "open" {
  bucket = aws_s3_bucket.open.id
  policy = data.aws_iam_policy_document.open.json
}

resource "aws_s3_bucket_cors_configuration" "open" {
  bucket = aws_s3_bucket.open.id
  cors_rule {
    id              = "pages"
    allowed_headers = ["*"]
    allowed_methods = ["GET", "PUT"]
    allowed_origins = [var.changed ? "https://two.example" : "https://one.example"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3000
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "open" {
  bucket = aws_s3_bucket.open.id
  rule {
    id     = "old"
    status = "Enabled"
    filter {
      and {
        prefix                   = "old/"
        object_size_greater_than = 1
        tags                     = { Stage = "old" }
      }
    }
    expiration {
      days = var.changed ? 20 : 10
    }
  }
  rule {
    id     = "uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "open" {
  bucket = aws_s3_bucket.open.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
    bucket_key_enabled = var.changed
  }
}

resource "aws_s3_bucket_website_configuration" "open" {
  bucket = aws_s3_bucket.open.id
  index_document {
    suffix = "index.html"
  }
  error_document {
    key = var.changed ? "two.html" : "one.html"
  }
  routing_rule {
    condition {
      key_prefix_equals = "docs/"
    }
    redirect {
      replace_key_prefix_with = "documents/"
    }
  }
}

resource "aws_s3_bucket_request_payment_configuration" "open" {
  bucket = aws_s3_bucket.open.id
  payer  = "BucketOwner"
}

resource "aws_s3_object" "open" {
  bucket                 = aws_s3_bucket_server_side_encryption_configuration.open.bucket
  key                    = "a/text"
  content                = var.changed ? "two" : "one"
  content_type           = "text/plain"
  storage_class          = var.changed ? "STANDARD" : "STANDARD_IA"
  server_side_encryption = "AES256"
  checksum_algorithm     = "SHA256"
  metadata               = { stage = var.changed ? "two" : "one" }
  tags                   = { Stage = var.changed ? "two" : "one" }
  depends_on             = [aws_s3_bucket_versioning.open]
}

resource "aws_s3_object_copy" "copy" {
  bucket = aws_s3_bucket.open.id
  key    = "copy"
  source = "${aws_s3_bucket.open.id}/${aws_s3_object.open.key}"
  # Without these the copy has its source's tags, which the next plan would remove.
  tagging_directive = "REPLACE"
  tags              = { Stage = var.changed ? "two" : "one" }
}

data "aws_s3_bucket_policy" "open" {
  bucket = aws_s3_bucket_policy.open.bucket
}

data "aws_s3_object" "open" {
  bucket = aws_s3_object.open.bucket
  key    = aws_s3_object.open.key
}

output "seen" {
  value = {
    policy = data.aws_s3_bucket_policy.open.policy
    body   = data.aws_s3_object.open.body
    tags   = data.aws_s3_object.open.tags
  }
}
