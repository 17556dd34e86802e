"""Actions on multipart uploads: create, upload parts, list, complete, abort."""
