"""Makes tokens.json, by Python's own HMAC and nothing of PicUp's: python3 make.py > tokens.json

Each case is a request at the time `now`, and whether it may fetch: `denied` is null, or the reason that PicUp counts it under.
"""

import base64
import hashlib
import hmac
import json

NOW = 1_800_000_000
SECRETS = {"T1": "first-secret-of-32-characters-or-more", "T2": "second-secret-of-32-characters-or-so"}
OTHERS = "a-secret-that-somebody-has-made-himself"
PATH = "/media/A/1/view/preview.1.webp"


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def compact(value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def sign(text, secret):
    return b64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def claims(**other):
    all_of_them = {"aud": "picup-media", "sub": "A", "iat": NOW - 60, "exp": NOW + 60, **other}
    return {name: value for name, value in all_of_them.items() if value is not None}


def token(header=None, body=None, secret=SECRETS["T1"], encode=b64):
    header = {"alg": "HS256", "typ": "JWT", "kid": "T1"} if header is None else header
    text = encode(compact(header)) + "." + encode(compact(claims() if body is None else body))
    return text + "." + sign(text, secret)


def padded(data):
    return base64.urlsafe_b64encode(data.encode()).decode()


def altered(text, at):
    return text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]


GOOD = token()
HEADER, BODY, SIGNATURE = GOOD.split(".")
CASES = []


def case(name, denied, shown=GOOD, path=PATH, now=NOW, cookies=None, authorization=None):
    if cookies is None and authorization is None:
        cookies = ["picup_media=" + shown]
    CASES.append(
        {"name": name, "denied": denied, "now": now, "path": path, "cookies": cookies or [], "authorization": authorization or []}
    )


def body(name, denied, **other):
    case(name, denied, token(body=claims(**other)))


def header(name, denied, value):
    case(name, denied, token(header=value))


# What opens.
case("a cookie", None)
case("a cookie among others", None, cookies=["a=b; picup_media=" + GOOD + "; c=d"])
case("a cookie in a second header", None, cookies=["a=b", "picup_media=" + GOOD])
case("a header", None, authorization=["Bearer " + GOOD])
case("a header in small letters", None, authorization=["bearer " + GOOD])
case("the cookie counts before the header", None, cookies=["picup_media=" + GOOD], authorization=["Bearer x"])
case("an original", None, path="/media/A/1/file/original.1.mp4")
case("the second secret", None, token(header={"alg": "HS256", "kid": "T2"}, secret=SECRETS["T2"]))
case("without a type, in another order", None, token(header={"kid": "T1", "alg": "HS256"}))
case("its last second", None, now=NOW + 59)
body("for a day", None, iat=NOW - 10, exp=NOW - 10 + 86400)
body("a maker whose clock is a minute ahead", None, iat=NOW + 60)
body("not before now", None, nbf=NOW)

# Who shows none, or more than one.
case("nothing", "unsigned", cookies=["a=b"])
case("a header of another scheme", "unsigned", authorization=["Basic " + GOOD])
case("a header without a scheme", "unsigned", authorization=[GOOD])
case("a header with something else after the scheme", "unsigned", authorization=["Bearer:" + GOOD])
case("a cookie by another name", "unsigned", cookies=["Picup_Media=" + GOOD + "; picup_media2=" + GOOD])
case("in the address", "unsigned", path=PATH + "?picup_media=" + GOOD, cookies=["a=b"])
case("two cookies", "malformed", cookies=["picup_media=" + GOOD + "; picup_media=" + GOOD])
case("two cookies, one empty", "malformed", cookies=["picup_media=; picup_media=" + GOOD])
case("two cookies in two headers", "malformed", cookies=["picup_media=" + GOOD, "picup_media=" + GOOD])
case("two headers", "malformed", authorization=["Bearer " + GOOD, "Bearer " + GOOD])
case("a bad cookie beside a good header", "malformed", cookies=["picup_media=x"], authorization=["Bearer " + GOOD])
case("an empty cookie", "malformed", "")
case("an empty cookie beside a good header", "malformed", cookies=["picup_media="], authorization=["Bearer " + GOOD])
case("two blanks after the scheme", "malformed", authorization=["Bearer  " + GOOD])

# Shape.
case("two parts", "malformed", HEADER + "." + BODY)
case("four parts", "malformed", GOOD + ".AAAA")
case("four parts, the first empty", "malformed", "." + GOOD)
case("no signature at all", "signature", HEADER + "." + BODY + ".")
case("in quotes", "malformed", '"' + GOOD + '"')
case("more than 2 KiB", "malformed", GOOD + "A" * 2048)
case("padded parts", "malformed", token(encode=padded))
case("a padded signature", "malformed", GOOD + "=")
case("base64 of the other alphabet", "malformed", HEADER + "." + BODY + ".+/" + SIGNATURE[2:])
case("stray bits in the header", "malformed", ".".join([HEADER[:-1] + chr(ord(HEADER[-1]) + 1), BODY, SIGNATURE]))
header("no JSON", "malformed", "hello")
header("a list", "malformed", '["HS256","T1"]')
header("null", "malformed", "null")
header("an empty list", "malformed", "[]")
header("JSON with spaces", "malformed", '{"alg": "HS256","kid":"T1"}')
header("JSON with a line break", "malformed", '{"alg":"HS256","kid":"T1"}\n')
header("JSON with an escape", "malformed", '{"alg":"HS256","kid":"\\u00541"}')
header("JSON and something", "malformed", '{"alg":"HS256","kid":"T1"}{}')
header("a member twice", "malformed", '{"alg":"HS256","kid":"T1","kid":"T1"}')
header("an unknown member", "malformed", {"alg": "HS256", "kid": "T1", "cty": "JWT"})
header("critical members", "malformed", {"alg": "HS256", "kid": "T1", "crit": ["exp"]})
header("a key of its own", "malformed", {"alg": "HS256", "kid": "T1", "jwk": {"kty": "oct", "k": b64(OTHERS)}})
header("a prototype", "malformed", '{"alg":"HS256","kid":"T1","__proto__":{}}')
header("another type", "malformed", {"alg": "HS256", "typ": "at+jwt", "kid": "T1"})
header("a type that is null", "malformed", {"alg": "HS256", "typ": None, "kid": "T1"})
header("without a key", "malformed", {"alg": "HS256", "typ": "JWT"})
header("a key that is a number", "malformed", {"alg": "HS256", "kid": 1})

# Key and algorithm.
case("no algorithm, unsigned", "malformed", token(header={"alg": "none", "kid": "T1"}).rsplit(".", 1)[0] + ".")
header("no algorithm", "malformed", {"alg": "none", "kid": "T1"})
header("an algorithm in small letters", "malformed", {"alg": "hs256", "kid": "T1"})
header("an algorithm that no key has", "malformed", {"alg": "HS512", "kid": "T1"})
header("the algorithm of another key", "algorithm", {"alg": "ES256", "kid": "T1"})
header("an unknown key", "unknown_key", {"alg": "HS256", "kid": "T3"})
header("a key that is no word", "unknown_key", {"alg": "HS256", "kid": "../T1"})
header("a key of every object", "unknown_key", {"alg": "HS256", "kid": "constructor"})

# What it says.
body("another audience", "audience", aud="picup-api")
body("an audience that begins so", "audience", aud="picup-media2")
body("a list of audiences", "malformed", aud=["picup-media"])
body("no audience", "malformed", aud=None)
body("no owner", "malformed", sub=None)
body("no end", "malformed", exp=None)
body("no beginning", "malformed", iat=None)
body("an unknown claim", "malformed", scope="media")
body("ended", "expired", iat=NOW - 120, exp=NOW - 60)
body("ends now", "expired", exp=NOW)
case("ended meanwhile", "expired", now=NOW + 60)
body("not yet", "not_yet", nbf=NOW + 1)
body("made later", "not_yet", iat=NOW + 61, exp=NOW + 120)
body("for more than a day", "lifetime", iat=NOW - 10, exp=NOW - 9 + 86400)
body("for ever", "lifetime", exp=2**53 - 1)
body("for longer than numbers last", "malformed", exp=2**64)
body("an end that is a text", "malformed", exp=str(NOW + 60))
body("an end that is no whole number", "malformed", exp=NOW + 60.5)
body("a beginning that is a text", "malformed", iat=str(NOW - 60))
body("a beginning that is no whole number", "malformed", iat=NOW - 60.5)
body("a beginning before all time", "malformed", iat=-1)
for name, number in [("with a fraction of nothing", f"{NOW + 60}.0"), ("as a power", "18e8"), ("as minus nothing", "-0")]:
    case("an end " + name, "malformed", token(body=compact(claims(exp=7)).replace("7}", number + "}")))
case("a claim twice", "malformed", token(body=compact(claims(sub="B")).replace("{", '{"sub":"A",')))
body("a time that is an empty text", "malformed", nbf="")
case("a time that is null", "malformed", token(body='{"aud":"picup-media","sub":"A","iat":%d,"nbf":null,"exp":%d}' % (NOW, NOW + 60)))

# Whose.
case("another owner's", "resource", path="/media/B/1/view/preview.1.webp")
case("an owner whose name begins so", "resource", path="/media/AB/1/view/preview.1.webp")
case("an owner in small letters", "resource", path="/media/a/1/view/preview.1.webp")
body("of an owner whose name begins so", "resource", sub="AB")
body("of nobody", "resource", sub="")
body("of a folder", "resource", sub="A/1")
body("of everybody", "resource", sub="*")
body("of the folder above", "resource", sub="..")
for path in [
    "/media/A",
    "/media/A/",
    "/media/",
    "/media/A/../B/1/view/preview.1.webp",
    "/media/A/./1/view/preview.1.webp",
    "/media/A/..",
    "/media/A//1",
    "/media//A/1",
    "//media/A/1",
    "/media/A/%2e%2e/B/1",
    "/media/A/%2E./B/1",
    "/media/A/..%2fB/1",
    "/media/A/..\\B/1",
    "/media/A/..%5cB/1",
    "/media/%41/1",
    "/media/A/1;x",
    "/media/B/x?/media/A/1",
    "/media/A/1?w=1",
    "/x/media/A/1",
    "/Media/A/1",
    "/api/session",
    "/",
]:
    case("the path " + path, "resource", path=path)

# Signature.
case("somebody else's secret", "signature", token(secret=OTHERS))
case("the other secret", "signature", token(secret=SECRETS["T2"]))
case("the id of the other secret", "signature", token(header={"alg": "HS256", "kid": "T2"}))
case("an empty secret", "signature", token(secret=""))
case("a signature cut short", "signature", GOOD[:-3])
case("a signature with more after it", "signature", GOOD + "AAAA")
case("one bit of the last byte", "malformed", GOOD[:-1] + chr(ord(GOOD[-1]) + 1))
case("an altered signature", "signature", HEADER + "." + BODY + "." + altered(SIGNATURE, 0))
case("another owner, signed for this one", "signature", ".".join([HEADER, b64(compact(claims(sub="B"))), SIGNATURE]), path="/media/B/1")
case("a longer life, signed for this one", "signature", ".".join([HEADER, b64(compact(claims(exp=NOW + 61))), SIGNATURE]))
case("the signature of the claims alone", "signature", HEADER + "." + BODY + "." + sign(BODY, SECRETS["T1"]))

print(json.dumps({"audience": "picup-media", "secrets": SECRETS, "cases": CASES}, indent=1, ensure_ascii=True))
