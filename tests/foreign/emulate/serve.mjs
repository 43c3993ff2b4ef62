// Starts the Slack of the npm package `emulate`: `node serve.mjs FOLDER PORT SEED`, where FOLDER holds its node_modules.
// Its command line wants a newer Node.js than its library does.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, port, seed] = process.argv.slice(2);
const { createEmulator } = await import(pathToFileURL(`${folder}/node_modules/emulate/dist/api.js`));
const slack = await createEmulator({ service: "slack", port: Number(port), seed: JSON.parse(readFileSync(seed, "utf8")) });
console.log(slack.url);
