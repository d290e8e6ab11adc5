"""Signs what it is asked for on stdin (a JSON list) with botocore, or as the AWS command line does, and prints the addresses."""

import contextlib
import datetime
import io
import json
import os
import subprocess
import sys
import tempfile

from botocore.signers import CloudFrontSigner


def moment(seconds):
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def by_botocore(asked, key_file):
    def sign(message):
        hash_name = "-sha256" if asked["sha256"] else "-sha1"
        command = ["openssl", "dgst", hash_name, "-sign", key_file]
        return subprocess.run(command, input=message, stdout=subprocess.PIPE, check=True).stdout

    signer = CloudFrontSigner(asked["key_id"], sign)
    policy = asked["policy"]
    if policy is None and (asked["begins"] is not None or asked["addresses"] is not None):
        policy = signer.build_policy(asked["url"], moment(asked["expires"]), moment(asked["begins"]), asked["addresses"])
    if policy is not None:
        return signer.generate_presigned_url(asked["url"], policy=policy)
    return signer.generate_presigned_url(asked["url"], date_less_than=moment(asked["expires"]))


def by_aws(asked, key_file):
    from awscli.clidriver import create_clidriver

    words = ["cloudfront", "sign", "--url", asked["url"], "--key-pair-id", asked["key_id"]]
    words += ["--private-key", "file://" + key_file, "--date-less-than", str(asked["expires"])]
    if asked["begins"] is not None:
        words += ["--date-greater-than", str(asked["begins"])]
    if asked["addresses"] is not None:
        words += ["--ip-address", asked["addresses"]]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = create_clidriver().main(words)
    if status != 0:
        sys.exit(f"aws {words} ended with {status}")
    return said.getvalue()


os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
sign = {"botocore": by_botocore, "aws": by_aws}[sys.argv[1]]
answers = []
with tempfile.TemporaryDirectory() as folder:
    for number, asked in enumerate(json.load(sys.stdin)):
        key_file = os.path.join(folder, f"{number}.pem")
        with open(key_file, "w", encoding="ascii") as file:
            file.write(asked["key_pem"])
        answers.append(sign(asked, key_file))
json.dump(answers, sys.stdout)
