"""S3: its buckets are Swift's containers, its objects Swift's objects.

Importing this package registers every action; what no file here defines is answered with 501 NotImplemented.
"""

import shim.s3.access_log.actions
import shim.s3.buckets.buckets
import shim.s3.buckets.deletion
import shim.s3.buckets.listing
import shim.s3.buckets.versioning
import shim.s3.buckets.versions
import shim.s3.config.acl
import shim.s3.config.object_lock
import shim.s3.config.policy
import shim.s3.config.settings
import shim.s3.config.unconfigured
import shim.s3.encryption.bucket
import shim.s3.lifecycle.rules
import shim.s3.multipart.attributes
import shim.s3.multipart.complete
import shim.s3.multipart.lists
import shim.s3.multipart.multipart
import shim.s3.notifications.actions
import shim.s3.objects.acl
import shim.s3.objects.copying
import shim.s3.objects.deleting
import shim.s3.objects.object_lock
import shim.s3.objects.objects
import shim.s3.objects.restoring
import shim.s3.objects.tagging  # noqa: F401
