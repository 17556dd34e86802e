# State in a bucket, and the lock beside it.

terraform {
  backend "s3" {
    key            = "project/terraform.tfstate"
    region         = "us-east-1"
    use_path_style = true
    use_lockfile   = true
  }
}

resource "terraform_data" "thing" {
  input = "kept"
}
