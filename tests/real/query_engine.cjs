#!/usr/bin/env node
// A stand-in for Prisma's native query engine, for tests only.
//
// LiteLLM's database client starts a native program that registries do not carry, and speaks GraphQL to it over HTTP.
// npm's @prisma/client holds the same engine as WebAssembly, which speaks Prisma's JSON protocol. This program is
// the interpreter between the two: one GraphQL field becomes one JSON query, and the typed values of the answer
// become plain ones.
"use strict";
const VERSION = "query-engine 393aa359c9ad4a4bb28630fb5613f9c281cde053"; // what prisma 0.15.0 asks for
if (process.argv.includes("--version")) {
  console.log(VERSION);
  process.exit(0);
}
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const Module = require("node:module");

const modules = path.join(process.env.QUERY_ENGINE_MODULES, "node_modules");
const need = (name) => require(path.join(modules, name));
const { Pool } = need("pg");
const { parse } = need("graphql");
const { bindAdapter } = need("@prisma/driver-adapter-utils");

// The driver refuses column types that it does not know (such as `name`); the native engine reads them as text.
const { PrismaPg } = (() => {
  const file = require.resolve(path.join(modules, "@prisma/adapter-pg"));
  const compiled = new Module(file, module);
  compiled.filename = file;
  compiled.paths = Module._nodeModulePaths(path.dirname(file));
  const refusal = "throw new UnsupportedNativeDataType(fieldTypeId);";
  const asText = "return import_driver_adapter_utils.ColumnTypeEnum.Text;";
  compiled._compile(fs.readFileSync(file, "utf8").replace(refusal, asText), file);
  return compiled.exports;
})();

function loadEngine() {
  const runtime = path.join(modules, "@prisma/client/runtime");
  const glue = require(path.join(runtime, "query_engine_bg.postgresql.js"));
  const wasm = new WebAssembly.Module(fs.readFileSync(path.join(runtime, "query_engine_bg.postgresql.wasm")));
  glue.__wbg_set_wasm(new WebAssembly.Instance(wasm, { "./query_engine_bg.js": glue }).exports);
  return glue.QueryEngine;
}

const schema = fs
  .readFileSync(process.env.PRISMA_DML_PATH, "utf8")
  .replace(/(generator\s+\w+\s*{)/g, '$1\n  previewFeatures = ["driverAdapters"]');

// Field types by model: the JSON protocol wants Json scalars marked, and only the schema tells which those are.
const models = new Map(
  [...schema.matchAll(/^model\s+(\w+)\s*{([\s\S]*?)^}/gm)].map(([, name, body]) => [
    name,
    new Map([...body.matchAll(/^\s*(\w+)\s+(\w+)/gm)].map(([, field, type]) => [field, type])),
  ]),
);

const OPERATIONS = [
  "findUniqueOrThrow", "findUnique", "findFirstOrThrow", "findFirst", "findMany", "createManyAndReturn", "createMany",
  "createOne", "updateMany", "updateOne", "deleteMany", "deleteOne", "upsertOne", "aggregate", "groupBy",
  "executeRaw", "queryRaw",
];

const literal = {
  IntValue: (n) => (Number.isSafeInteger(Number(n.value)) ? Number(n.value) : { $type: "BigInt", value: n.value }),
  FloatValue: (n) => Number(n.value),
  StringValue: (n) => n.value,
  EnumValue: (n) => n.value,
  BooleanValue: (n) => n.value,
  NullValue: () => null,
  ListValue: (n) => n.values.map(plain),
  ObjectValue: (n) => Object.fromEntries(n.fields.map((f) => [f.name.value, plain(f.value)])),
};
function plain(node) {
  return literal[node.kind](node);
}

const NULLS = new Set(["DbNull", "JsonNull", "AnyNull"]);
const FILTER_WORDS = new Set(["path", "mode", "sort", "nulls", "string_contains", "string_starts_with", "string_ends_with"]);

function markedJson(value) {
  if (Array.isArray(value)) return value.map(markedJson);
  return typeof value === "string" ? { $type: "Json", value } : value;
}

function jsonArgument(value, within) {
  if (typeof value === "string" && (NULLS.has(value) || within === "orderBy")) return value;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return markedJson(value);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, FILTER_WORDS.has(k) ? v : markedJson(v)]));
}

function marked(model, value, within) {
  if (Array.isArray(value)) return value.map((each) => marked(model, each, within));
  if (value === null || typeof value !== "object") return value;
  const fields = models.get(model) ?? new Map();
  const entries = Object.entries(value).map(([name, inner]) => {
    const type = fields.get(name);
    if (type === "Json") return [name, jsonArgument(inner, within)];
    return [name, marked(models.has(type) ? type : model, inner, name)];
  });
  return Object.fromEntries(entries);
}

const argumentsOf = (field) => Object.fromEntries((field.arguments ?? []).map((a) => [a.name.value, plain(a.value)]));

function selection(set) {
  const chosen = (set?.selections ?? []).map((field) => {
    const bare = !field.selectionSet && !(field.arguments ?? []).length;
    return [field.name.value, bare ? true : { arguments: argumentsOf(field), selection: selection(field.selectionSet) }];
  });
  return Object.fromEntries(chosen);
}

function translated(graphql) {
  const field = parse(graphql, { noLocation: true }).definitions[0].selectionSet.selections[0];
  const name = field.name.value;
  const throwing = /^(findUnique|findFirst)(.+)OrThrow$/.exec(name); // the model's name stands in the middle
  const action = throwing ? `${throwing[1]}OrThrow` : OPERATIONS.find((each) => name.startsWith(each));
  const model = throwing ? throwing[2] : name.slice(action.length);
  const query = { arguments: marked(model, argumentsOf(field), ""), selection: selection(field.selectionSet) };
  return { request: { action, query, ...(model && { modelName: model }) }, label: field.alias?.value ?? name };
}

function untyped(value) {
  if (Array.isArray(value)) return value.map(untyped);
  if (value === null || typeof value !== "object") return value;
  if ("$type" in value) return value.value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, untyped(v)]));
}

function answered(result, label) {
  return result.data ? { data: { [label]: untyped(Object.values(result.data)[0]) } } : result;
}

async function main() {
  const address = new URL(process.env.DATABASE_URL);
  address.search = "";
  const pool = new Pool({ connectionString: address.toString(), max: 8 });
  pool.on("error", (error) => console.error("query engine: database connection:", error.message));
  const Engine = loadEngine();
  const options = {
    datamodel: schema, logLevel: "error", logQueries: false, ignoreEnvVarErrors: true, datasourceOverrides: {},
    env: process.env, configDir: ".", engineProtocol: "json", enableTracing: false,
  };
  const engine = new Engine(options, () => {}, bindAdapter(new PrismaPg(pool)));
  await engine.connect("{}");

  const ask = async (request, transaction) => JSON.parse(await engine.query(JSON.stringify(request), "{}", transaction));

  async function queried(body, transaction) {
    if (!body.batch) {
      const { request, label } = translated(body.query);
      return answered(await ask(request, transaction), label);
    }
    const parts = body.batch.map((each) => translated(each.query));
    const batch = { batch: parts.map((p) => p.request), transaction: body.transaction ? {} : undefined };
    const result = await ask(batch, transaction);
    if (!result.batchResult) return result;
    return { batchResult: result.batchResult.map((each, i) => answered(each, parts[i].label)) };
  }

  async function served(method, url, headers, text) {
    if (url.startsWith("/status")) return { status: "ok" };
    if (url.startsWith("/metrics")) return { counters: [], gauges: [], histograms: [] };
    if (url === "/transaction/start") return JSON.parse(await engine.startTransaction(text, "{}"));
    const end = /^\/transaction\/([^/]+)\/(commit|rollback)$/.exec(url);
    if (end) return JSON.parse((await engine[`${end[2]}Transaction`](end[1], "{}")) || "{}");
    if (method === "POST") return queried(JSON.parse(text), headers["x-transaction-id"]);
    throw new Error(`no such call: ${method} ${url}`);
  }

  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    let result;
    try {
      result = await served(request.method, request.url, request.headers, Buffer.concat(chunks).toString());
    } catch (error) {
      const fault = { is_panic: false, message: String(error), error_code: "P0000", meta: {} };
      result = { errors: [{ error: String(error), user_facing_error: fault }] };
    }
    response.writeHead(result.error_code ? 500 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(result));
  });
  server.keepAliveTimeout = 120_000;
  server.listen(Number(process.argv[process.argv.indexOf("-p") + 1]), "localhost");
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(0), 1000).unref(); // nothing stays behind a killed proxy
}

main().catch((error) => {
  console.error("query engine:", error);
  process.exit(1);
});
