// Runs a CloudFront Function on Node, with a stand-in for the module `cloudfront`, as testkit's function.rs asks it to: from standard
// input {function, secrets, cases}, to standard output an answer for each case.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const asked = JSON.parse(readFileSync(0, 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'picup-function-'));
try {
    process.stdout.write(JSON.stringify(await answers()));
} finally {
    rmSync(folder, { recursive: true });
}

async function answers() {
    const stand = join(folder, 'node_modules', 'cloudfront');
    mkdirSync(stand, { recursive: true });
    writeFileSync(join(stand, 'package.json'), '{"name":"cloudfront","type":"module","exports":"./index.js"}');
    writeFileSync(join(stand, 'index.js'), 'export default globalThis.cloudfront;');
    let looked = 0;
    const get = async (key) => {
        looked += 1;
        if (!Object.hasOwn(asked.secrets, key)) throw new Error('KeyNotFound');
        return asked.secrets[key];
    };
    globalThis.cloudfront = { kvs: () => ({ get }) };
    writeFileSync(join(folder, 'function.mjs'), asked.function + '\nexport { handler };\n');
    const { handler } = await import(pathToFileURL(join(folder, 'function.mjs')));
    const said = console.log;
    console.log = () => {};
    const found = [];
    for (const one of asked.cases) {
        looked = 0;
        Date.now = () => one.now * 1000 + 999;
        found.push({ answer: await handler({ request: request(one) }), looked });
    }
    console.log = said;
    return found;
}

// The event that CloudFront makes of a request: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
function request({ path, cookies, authorization }) {
    const cut = path.indexOf('?');
    const pairs = cookies.flatMap((line) => line.split(';')).filter((pair) => pair.includes('='));
    const parameters = cut < 0 ? [] : path.slice(cut + 1).split('&');
    return {
        method: 'GET',
        uri: cut < 0 ? path : path.slice(0, cut),
        querystring: fields(parameters.map(named)),
        headers: fields([['host', 'photos.example'], ...authorization.map((value) => ['authorization', value])]),
        cookies: fields(pairs.map(named)),
    };
}

function named(pair) {
    const cut = pair.indexOf('=');
    return cut < 0 ? [pair.trim(), ''] : [pair.slice(0, cut).trim(), pair.slice(cut + 1).trim()];
}

function fields(pairs) {
    const made = {};
    for (const [name, value] of pairs) {
        if (!Object.hasOwn(made, name)) made[name] = { value };
        else {
            made[name].multiValue ??= [{ value: made[name].value }];
            made[name].multiValue.push({ value });
        }
    }
    return made;
}
