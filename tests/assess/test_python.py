"""Python sources: which calls are found, with which parameters, and what is listed because it was not followed."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner

from assess import inputs
from assess.calls import UNKNOWN, Found
from shim.cli.assess import assess

CLIENT = "import boto3\nec2 = boto3.client('ec2')\n"
RESOURCE = "import boto3\nec2 = boto3.resource('ec2')\ns3 = boto3.resource('s3')\n"


def read(folder: Path, it: str) -> Found:
    return read_files(folder, {"it.py": it})


def read_files(folder: Path, files: dict[str, str]) -> Found:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return inputs.read([folder], lambda size: None)


def asked(found: Found) -> list[tuple[str, Any]]:
    return [(call.operation, call.params) for call in found.calls]


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        (CLIENT + "ec2.describe_instances(MaxResults=5)", [("DescribeInstances", {"MaxResults": 5})]),
        (
            CLIENT + "ec2.stop_instances(InstanceIds=[x], Force=True)",
            [("StopInstances", {"InstanceIds": [UNKNOWN], "Force": True})],
        ),
        ("from boto3 import client as c\nc(service_name='sts').get_caller_identity()", [("GetCallerIdentity", {})]),
        ("import boto3\nboto3.session.Session().client('s3').list_buckets()", [("ListBuckets", {})]),
        (
            "import boto3\nclass Cloud:\n    def __init__(self, name):\n        self.made = boto3.client(name)\n"
            "    def go(self):\n        self.made.describe_vpcs()\nCloud('ec2').go()",
            [("DescribeVpcs", {})],
        ),
        (
            CLIENT
            + "def run(client, **more):\n    client.run_instances(ImageId='ami-1', **more)\nrun(ec2, MinCount=1)",
            [("RunInstances", {"ImageId": "ami-1", "MinCount": 1})],
        ),
        (
            CLIENT + "asked = {'MaxResults': 5}\nasked['DryRun'] = True\nasked.update(NextToken=t)\n"
            "ec2.describe_vpcs(**asked)",
            [("DescribeVpcs", {"MaxResults": 5, "DryRun": True, "NextToken": UNKNOWN})],
        ),
        (
            CLIENT + "asked = {}\nif more:\n    asked['DryRun'] = True\nec2.describe_vpcs(**asked)",
            [("DescribeVpcs", {}), ("DescribeVpcs", {"DryRun": True})],
        ),
        (
            CLIENT
            + "def all_of(asked):\n    asked['DryRun'] = True\nasked = {}\nall_of(asked)\nec2.describe_vpcs(**asked)",
            [("DescribeVpcs", {"DryRun": True})],
        ),
        (
            CLIENT + "pages = ec2.get_paginator('describe_vpcs')\n"
            "for page in pages.paginate(PaginationConfig={'PageSize': 7}): pass",
            [("DescribeVpcs", {"MaxResults": 7})],
        ),
        (
            CLIENT + "ec2.get_waiter('instance_running').wait(InstanceIds=['i-1'], WaiterConfig={'Delay': 1})",
            [("DescribeInstances", {"InstanceIds": ["i-1"]})],
        ),
        (
            "import boto3\nboto3.client('s3').generate_presigned_url('get_object', Params={'Bucket': 'b', 'Key': k})",
            [("GetObject", {"Bucket": "b", "Key": UNKNOWN})],
        ),
        (
            "import boto3\nboto3.client('s3').download_file('b', 'k', 'file', ExtraArgs={'VersionId': 'v'})",
            [
                ("GetObject", {"Bucket": "b", "Key": "k", "VersionId": "v"}),
                ("HeadObject", {"Bucket": "b", "Key": "k", "VersionId": "v"}),
            ],
        ),
        (CLIENT + "ec2.describe_nat_gateways(Filters=[])", [("DescribeNatGateways", {"Filter": []})]),
        (CLIENT + "getattr(ec2, 'describe_' + 'vpcs')()", [("DescribeVpcs", {})]),
        (
            CLIENT + "from functools import partial\npartial(ec2.describe_vpcs, DryRun=True)()",
            [("DescribeVpcs", {"DryRun": True})],
        ),
        (
            CLIENT + "for c in [ec2, boto3.client('sts')]:\n    c.describe_vpcs()\n    c.get_caller_identity()",
            [("DescribeVpcs", {}), ("GetCallerIdentity", {})],
        ),
        (
            "import pytest, boto3\n@pytest.fixture\ndef made():\n    yield boto3.client('ec2')\n"
            "def test_it(made):\n    made.describe_vpcs()",
            [("DescribeVpcs", {})],
        ),
        (
            "import pytest, boto3\n@pytest.mark.parametrize('name', ['ec2'])\n"
            "def test_it(name):\n    boto3.client(name).describe_vpcs()",
            [("DescribeVpcs", {})],
        ),
        (
            "from mypy_boto3_ec2 import EC2Client\ndef go(client: EC2Client):\n    client.describe_vpcs()",
            [("DescribeVpcs", {})],
        ),
        (
            "import boto3, functools\ndef with_client(function):\n    @functools.wraps(function)\n"
            "    def inner(**more):\n        function(client=boto3.client('ec2'), **more)\n    return inner\n"
            "@with_client\ndef go(client=None):\n    client.describe_vpcs()",
            [("DescribeVpcs", {})],
        ),
        (
            "import boto3\ndef as_it_is(function):\n    def inner(*args):\n        return function(*args)\n"
            "    return inner\nclass TestIt:\n    def setUp(self):\n        self.ec2 = boto3.client('ec2')\n"
            "    @as_it_is\n    def test_1(self):\n        self.ec2.describe_vpcs()\n"
            "    @as_it_is\n    def test_2(self):\n        self.ec2.describe_subnets()",
            [("DescribeVpcs", {}), ("DescribeSubnets", {})],
        ),
        (
            "import aioboto3\nasync def go():\n    async with aioboto3.Session().client('s3') as s3:\n"
            "        await s3.list_buckets()\n"
            "        async for x in s3.get_paginator('list_objects_v2').paginate(Bucket='b'):\n"
            "            pass",
            [("ListBuckets", {}), ("ListObjectsV2", {"Bucket": "b"})],
        ),
        (
            "import aioboto3\nasync def go():\n    async with aioboto3.Session().resource('ec2') as ec2:\n"
            "        vpc = await ec2.Vpc('vpc-1')\n        await vpc.delete()",
            [("DeleteVpc", {"VpcId": "vpc-1"})],
        ),
        (
            RESOURCE + "ec2.Vpc('vpc-1').create_subnet(CidrBlock='c')",
            [("CreateSubnet", {"VpcId": "vpc-1", "CidrBlock": "c"})],
        ),
        (
            RESOURCE + "one = ec2.Instance('i-1')\nprint(one.state)\nprint(one.tags)",
            [("DescribeInstances", {"InstanceIds": ["i-1"]})],
        ),
        (
            RESOURCE
            + "for one in ec2.instances.filter(InstanceIds=['i-1']).limit(3):\n    print(one.state)\n    one.stop()",
            [("DescribeInstances", {"InstanceIds": ["i-1"]}), ("StopInstances", {"InstanceIds": [UNKNOWN]})],
        ),
        (
            RESOURCE + "s3.Bucket('b').objects.all().delete()",
            [
                ("DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": UNKNOWN}]}}),
                ("ListObjects", {"Bucket": "b"}),
            ],
        ),
        (
            RESOURCE + "one = ec2.Instance('i')\none.load()\nprint(one.state)\none.stop()\nprint(one.state)",
            [
                ("DescribeInstances", {"InstanceIds": ["i"]}),
                ("DescribeInstances", {"InstanceIds": ["i"]}),
                ("StopInstances", {"InstanceIds": ["i"]}),
            ],
        ),
        (RESOURCE + "ec2.Instance('i').wait_until_running()", [("DescribeInstances", {"InstanceIds": ["i"]})]),
        (
            RESOURCE + "s3.Object('b', 'k').copy_from(CopySource='s')",
            [("CopyObject", {"Bucket": "b", "Key": "k", "CopySource": "s"})],
        ),
        (RESOURCE + "s3.meta.client.head_bucket(Bucket='b')", [("HeadBucket", {"Bucket": "b"})]),
        (RESOURCE + "ec2.create_tags(Resources=['i'], Tags=[])", [("CreateTags", {"Resources": ["i"], "Tags": []})]),
    ],
)
def test_a_call_is_followed(tmp_path: Path, source: str, calls: list[tuple[str, Any]]) -> None:
    found = read(tmp_path, it=source)
    assert sorted(asked(found), key=repr) == sorted(calls, key=repr)
    assert not found.unfollowed


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("import boto3\ndef go(name):\n    return boto3.client(name)", 3, "the service of client() is not known"),
        ("import boto3\ndef go(it):\n\n    it.run_instances()", 4, "run_instances() of something"),
        (CLIENT + "import other\nother.go(ec2)", 4, "a client is given to other.go"),
        (CLIENT + "getattr(ec2, name)()", 3, "a method whose name is not known"),
        (CLIENT + "ec2.no_such_method()", 3, "ec2 has no method no_such_method"),
        (CLIENT + "ec2.get_waiter(name)", 3, "the name given to get_waiter() is not known"),
        ("import boto3\nprint 1", 2, "it is not Python 3"),
        ("import boto3\nx = " + "(" * 190 + "1" + ")" * 190 + "+ 1" * 5000, 1, "it cannot be parsed|nested too deeply"),
    ],
)
def test_what_is_not_followed_is_listed_with_its_line(tmp_path: Path, source: str, line: int, words: str) -> None:
    found = read(tmp_path, it=source)
    assert not found.calls
    [lost] = found.unfollowed
    assert lost.startswith(f"{tmp_path / 'it.py'}:{line}: ")
    assert any(word in lost for word in words.split("|"))


def test_a_function_is_followed_into_another_file(tmp_path: Path) -> None:
    found = read_files(
        tmp_path,
        {
            "pack/__init__.py": "",
            "pack/clients.py": "import boto3\ndef make():\n    return boto3.client('ec2')\n",
            "pack/use.py": "from .clients import make\nfrom pack import clients\n"
            "make().describe_vpcs()\nclients.make().describe_subnets()\n",
            "unrelated.py": "def describe_vpcs(it):\n    it.describe_vpcs()\n",
        },
    )
    assert [(call.operation, call.where) for call in found.calls] == [
        ("DescribeVpcs", f"{tmp_path / 'pack/use.py'}:3"),
        ("DescribeSubnets", f"{tmp_path / 'pack/use.py'}:4"),
    ]
    assert not found.unfollowed
    assert "Python files: 4, of which 2 name boto3" in found.notes[0]


def test_files_of_a_relative_path_find_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "pack/sub/conftest.py": "import boto3, pytest\n@pytest.fixture\ndef ec2():\n    return boto3.client('ec2')\n",
        "pack/sub/test_it.py": "from pack.sub.more import go\ndef test_it(ec2):\n    go(ec2)\n",
        "pack/sub/more.py": "def go(client):\n    client.describe_vpcs()\n",
    }
    read_files(tmp_path, files)
    monkeypatch.chdir(tmp_path / "pack")
    found = inputs.read([Path("sub")], lambda size: None)
    assert [(call.operation, call.where) for call in found.calls] == [("DescribeVpcs", "sub/more.py:2")]
    assert not found.unfollowed


def test_parameters_that_cannot_be_read_make_a_call_unknown(tmp_path: Path) -> None:
    [call] = read(tmp_path, it=CLIENT + "def go(**more):\n    ec2.describe_vpcs(DryRun=True, **more)").calls
    assert call.params == {"DryRun": True}
    assert not call.complete
    assert not call.exact


def test_a_list_that_a_loop_fills_has_further_items(tmp_path: Path) -> None:
    source = CLIENT + "ids = []\nfor x in y:\n    ids.append('vpc-1')\nec2.describe_vpcs(VpcIds=ids)"
    found = asked(read(tmp_path, it=source))
    assert ("DescribeVpcs", {"VpcIds": ["vpc-1", UNKNOWN]}) in found


def test_many_functions_that_call_each_other_are_read_in_bounded_time(tmp_path: Path) -> None:
    many = "".join(f"def f{n}(x):\n" + f"    f{n + 1}((x, 1))\n    f{n + 1}((x, 2))\n" * 10 for n in range(30))
    found = read(tmp_path, it=CLIENT + many + "def f30(x):\n    ec2.describe_vpcs()\nf0(0)\n")
    assert [call.operation for call in found.calls] == ["DescribeVpcs"]
    assert any("too many" in lost for lost in found.unfollowed)


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize("form", ["table", "json", "html", "junit", "markdown"])
def test_no_secret_of_a_source_is_in_the_report(tmp_path: Path, form: str) -> None:
    source = f"""
        import boto3
        ec2, s3, secret = boto3.client("ec2"), boto3.client("s3"), {SECRET!r}
        ec2.run_instances(ImageId="{SECRET}", InstanceType="m1", MinCount=1, MaxCount=1, UserData=secret)
        ec2.import_key_pair(KeyName="x", PublicKeyMaterial=secret)
        ec2.describe_vpcs(VpcIds=["{SECRET}"])
        s3.put_object(Bucket="{SECRET}", Key="{SECRET}", Body=secret, SSECustomerKey=secret, ACL=secret)
        boto3.client("iam").create_login_profile(UserName="x", Password=secret)
        boto3.client("ec2", aws_secret_access_key=secret).no_such_method(secret)
        unknown.run_instances(UserData="{SECRET}")
    """
    (tmp_path / "it.py").write_text(dedent(source), encoding="utf-8")
    found = CliRunner().invoke(assess, [str(tmp_path), "--format", form])
    assert found.exit_code == 1
    assert "DescribeVpcs" in found.output
    assert SECRET not in found.output
    assert SECRET not in "".join(found.output.split())


def test_what_an_action_reads_of_literals_is_asked_of_it(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(CLIENT + "ec2.describe_vpcs(VpcIds=['not-an-id'])\n", encoding="utf-8")
    found = CliRunner().invoke(assess, [str(tmp_path / "it.py"), "--format", "markdown"])
    assert found.exit_code == 1
    assert "VpcIds: InvalidVpcID.Malformed (400)" in found.output
    assert "not-an-id" not in found.output


def test_a_script_is_found_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/usr/bin/env python3\n" + CLIENT + "ec2.describe_vpcs()\n", encoding="utf-8")
    assert CliRunner().invoke(assess, [str(tmp_path)]).exit_code == 0
