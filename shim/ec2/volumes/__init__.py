"""EBS: volumes, their attachments, and snapshots: Cinder's volumes and snapshots."""
