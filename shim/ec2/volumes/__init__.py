"""EBS volumes and their attachments: Cinder's volumes."""
