"""Names of buckets: unique in the cloud where the service identity is on, given back with the bucket."""

from typing import Any

from openstack.connection import Connection

from tests.s3.client_errors import refused
from tests.support.clients import Boto
from tests.support.gateway import gateway as run_gateway
from tests.support.names import unique
from tests.support.target import Target


def test_a_name_that_another_project_has_is_taken_in_every_region(
    s3: Any, alt_s3: Any, aws: Boto, bucket: str, openstack_alt: Connection
) -> None:
    for region in ("us-east-1", "eu-west-3"):
        alt = aws("s3", "alt", region=region)
        more = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with refused("BucketAlreadyExists", 409) as seen:
            alt.create_bucket(Bucket=bucket, **more)
        assert seen["BucketName"] == bucket
    assert bucket not in [one.name for one in openstack_alt.object_store.containers()]
    s3.create_bucket(Bucket=bucket)  # one's own, in us-east-1
    with refused("BucketAlreadyOwnedByYou", 409):
        aws("s3", region="eu-west-3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )


def test_a_deleted_buckets_name_is_free(s3: Any, alt_s3: Any) -> None:
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    with refused("AccessDenied", 403):
        alt_s3.get_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    alt_s3.create_bucket(Bucket=name)
    with refused("BucketAlreadyExists", 409):
        s3.create_bucket(Bucket=name)
    alt_s3.delete_bucket(Bucket=name)


def test_a_name_whose_bucket_was_deleted_by_swift_can_be_taken(
    s3: Any, alt_s3: Any, openstack_main: Connection
) -> None:
    name = unique("bucket")
    s3.create_bucket(Bucket=name)
    openstack_main.object_store.delete_container(name)
    alt_s3.create_bucket(Bucket=name)
    alt_s3.delete_bucket(Bucket=name)


def test_a_container_made_by_swift_gets_its_name_when_its_owner_creates_it(
    s3: Any, alt_s3: Any, openstack_main: Connection
) -> None:
    name = unique("bucket")
    openstack_main.object_store.create_container(name)
    with refused("NoSuchBucket", 404):
        alt_s3.list_objects_v2(Bucket=name)
    s3.create_bucket(Bucket=name)
    with refused("BucketAlreadyExists", 409):
        alt_s3.create_bucket(Bucket=name)
    s3.delete_bucket(Bucket=name)


def test_it_gets_its_name_by_a_creation_that_is_refused_too(aws: Boto, alt_s3: Any, openstack_main: Connection) -> None:
    """Outside of us-east-1 CreateBucket of one's own bucket is always refused."""
    name = unique("bucket")
    openstack_main.object_store.create_container(name)
    with refused("BucketAlreadyOwnedByYou", 409):
        aws("s3", region="eu-west-3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}
        )
    with refused("BucketAlreadyExists", 409):
        alt_s3.create_bucket(Bucket=name)
    aws("s3").delete_bucket(Bucket=name)


def test_names_may_belong_to_the_project(cloud: Target, bucket: str) -> None:
    with run_gateway(cloud, "names-per-project", "--bucket-names", "project") as alone:
        clients = Boto(alone.url, dict(cloud.keys))
        alt = clients("s3", "alt")
        with refused("NoSuchBucket", 404):
            alt.list_objects_v2(Bucket=bucket)
        alt.create_bucket(Bucket=bucket)
        alt.delete_bucket(Bucket=bucket)
        clients.close()
