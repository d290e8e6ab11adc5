// Signs what it is asked for on stdin (a JSON list) with @aws-sdk/cloudfront-signer, and prints the answers: an address, or cookies.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { getSignedCookies, getSignedUrl } = createRequire(`${process.argv[2]}/`)("@aws-sdk/cloudfront-signer");
const moment = (seconds) => (seconds === null ? undefined : new Date(seconds * 1000).toISOString());

const answers = JSON.parse(readFileSync(0, "utf8")).map((asked) => {
  const terms = asked.policy === null
    ? { dateLessThan: moment(asked.expires), dateGreaterThan: moment(asked.begins), ipAddress: asked.addresses ?? undefined }
    : { policy: asked.policy };
  const sign = asked.cookies ? getSignedCookies : getSignedUrl;
  return sign({
    url: asked.url,
    keyPairId: asked.key_id,
    privateKey: asked.key_pem,
    algorithm: asked.sha256 ? "SHA256" : "SHA1",
    ...terms,
  });
});
console.log(JSON.stringify(answers));
