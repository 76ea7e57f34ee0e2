"""Make the named buckets of the S3 server that AWS_ENDPOINT_URL names, if they are not there."""

import sys

import boto3

s3 = boto3.client("s3")
there = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
for name in sys.argv[1:]:
    if name not in there:
        s3.create_bucket(Bucket=name)
