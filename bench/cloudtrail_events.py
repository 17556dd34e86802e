"""`passerelle assess` of ten million events of CloudTrail: seconds, CPU and memory.

python -m bench.cloudtrail_events            no cloud is needed; it takes ten minutes, and 1.2 GB of disk
python -m bench.cloudtrail_events 1000000    fewer events
"""

import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

EVENTS, OF_A_FILE = 10_000_000, 250_000
RANDOM = random.Random(7)
Made = tuple[str, str, dict[str, Any]]


def hexadecimal() -> str:
    """Return the end of an id."""
    return f"{RANDOM.getrandbits(68):017x}"


def some(kind: str, name: str, prefix: str) -> Callable[[], Made]:
    """Make a Describe of one id."""
    return lambda: (
        "ec2",
        name,
        {f"{kind}Set": {"items": [{f"{kind}Id": f"{prefix}-{hexadecimal()}"}]}, "filterSet": {}},
    )


def filtered() -> Made:
    """Make a DescribeInstances with two filters."""
    web = {"name": "tag:Name", "valueSet": {"items": [{"value": f"web-{RANDOM.randrange(1000)}"}]}}
    running = {"name": "instance-state-name", "valueSet": {"items": [{"value": "running"}]}}
    return "ec2", "DescribeInstances", {"instancesSet": {}, "filterSet": {"items": [web, running]}}


def launch() -> Made:
    """Make a RunInstances as the console and the CLI are logged."""
    ebs = {"volumeSize": RANDOM.randrange(8, 100), "deleteOnTermination": True, "volumeType": "gp3"}
    return "ec2", "RunInstances", {
        "instancesSet": {"items": [{"imageId": f"ami-{hexadecimal()}", "minCount": 1, "maxCount": 1, "keyName": "k"}]},
        "instanceType": "m5.large",
        "blockDeviceMapping": {"items": [{"deviceName": "/dev/xvda", "ebs": ebs}]},
        "monitoring": {"enabled": False},
        "subnetId": f"subnet-{hexadecimal()}",
    }  # fmt: skip


def object_call(name: str, **more: str) -> Callable[[], Made]:
    """Make a call about an object."""
    host = "data.s3.eu-west-1.amazonaws.com"
    return lambda: ("s3", name, {"bucketName": "data", "Host": host, "key": f"a/{hexadecimal()}.parquet", **more})


KINDS: list[tuple[int, Callable[[], Made]]] = [
    (30, some("instance", "DescribeInstances", "i")),
    (20, filtered),
    (10, some("volume", "DescribeVolumes", "vol")),
    (8, some("securityGroupId", "DescribeSecurityGroups", "sg")),
    (5, launch),
    (60, object_call("GetObject")),
    (40, object_call("PutObject", **{"x-amz-server-side-encryption": "AES256"})),
    (15, object_call("HeadObject")),
    (5, lambda: ("kms", "Decrypt", {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"})),
]


def events(count: int) -> Iterator[str]:
    """Yield events of about 1,200 bytes, as CloudTrail writes them."""
    weights = [weight for weight, _ in KINDS]
    for number, (_, make) in enumerate(RANDOM.choices(KINDS, weights, k=count)):
        source, name, params = make()
        issuer = {"type": "Role", "principalId": "AROAEXAMPLE", "accountId": "111122223333", "userName": "app"}
        event = {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": f"AROAEXAMPLE:{hexadecimal()}",
                "arn": f"arn:aws:sts::111122223333:assumed-role/app/i-{hexadecimal()}",
                "accountId": "111122223333",
                "accessKeyId": f"ASIA{hexadecimal()}",
                "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
            },
            "eventTime": f"2026-02-06T00:{number // 60 % 60:02}:{number % 60:02}Z",
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": f"10.0.0.{RANDOM.randrange(255)}",
            "userAgent": "[Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux md/arch#x86_64 lang/python#3.11.7]",
            "requestParameters": params,
            "responseElements": None,
            "requestID": hexadecimal(),
            "eventID": hexadecimal(),
            "readOnly": name[0] in "DGH",
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": "111122223333",
            "eventCategory": "Management",
            "tlsDetails": {"tlsVersion": "TLSv1.3", "clientProvidedHostHeader": "ec2.eu-west-1.amazonaws.com"},
        }
        yield json.dumps(event, separators=(",", ":"))


def write(folder: Path, count: int) -> None:
    """Write files of events, packed by gzip."""
    for start in range(0, count, OF_A_FILE):
        with gzip.open(folder / f"{start}.json.gz", "wt", compresslevel=1) as file:
            file.write('{"Records":[')
            for number, event in enumerate(events(min(OF_A_FILE, count - start))):
                file.write(f",{event}" if number else event)
            file.write("]}")
        print(f"   {min(start + OF_A_FILE, count):,} of {count:,} events written", flush=True)


def main(count: int) -> None:
    """Write the events, assess them, and print what that took."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), count)
        started = time.monotonic()
        report = Path(folder) / "report.md"
        words = [sys.executable, "-m", "shim", "assess", folder, "--format", "markdown", "-o", str(report)]
        status = subprocess.run(words, check=False).returncode
        assert status in (0, 1), status
        seconds, used = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        print(report.read_text().splitlines()[2])
    cpu = used.ru_utime + used.ru_stime
    print(f"{count:,} events: {seconds:.0f} s, {cpu:.0f} s of CPU, {used.ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
