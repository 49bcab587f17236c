"use strict";

const VERBS = ["get", "post", "patch", "put", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Text in which `words` between backticks are code. */
function prose(text) {
  const parts = String(text ?? "").split("`");
  return parts.map((part, place) => (place % 2 ? element("code", {}, part) : part));
}

function paragraphs(text) {
  return String(text ?? "").split("\n\n").filter(Boolean).map((one) => element("p", {}, ...prose(one)));
}

function follow(api, schema) {
  return schema?.$ref ? schema.$ref.split("/").slice(1).reduce((at, key) => at[key], api) : schema;
}

/** The type of a schema in a few words; other schemas by name. */
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  const types = [schema.type].flat().filter(Boolean);
  const words = types.map((type) => {
    if (type === "array") return `list of ${typeOf(schema.items)}`;
    if (type === "object" && schema.additionalProperties?.constructor === Object) {
      return `map of ${typeOf(schema.additionalProperties)}`;
    }
    return schema.format ? `${type} (${schema.format})` : type;
  });
  return words.join(" or ") || "any";
}

const RULES = ["pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "uniqueItems"];

function rulesOf(schema) {
  const rules = RULES.filter((rule) => rule in (schema ?? {})).map((rule) => `${rule} ${schema[rule]}`);
  return rules.length ? element("div", {}, element("code", {}, rules.join(", "))) : null;
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const whole = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { class: "scroll" }, whole);
}

function row(name, isRequired, type, schema, text) {
  return element(
    "tr",
    {},
    element("td", isRequired ? { class: "required" } : {}, element("code", {}, name), isRequired ? " required" : ""),
    element("td", {}, type),
    element("td", {}, ...prose(text), rulesOf(schema)),
  );
}

/** The fields of a schema; those of the schemas it names open on demand. */
function fields(api, schema, above = []) {
  const name = schema?.$ref?.split("/").pop();
  const whole = follow(api, schema);
  if (whole?.enum) return element("div", {}, ...paragraphs(whole.description?.replaceAll("\n- ", "\n\n")));
  if (!whole?.properties) return element("p", {}, typeOf(whole));
  const rows = Object.entries(whole.properties).map(([key, value]) =>
    row(key, whole.required?.includes(key), typeOf(value), value, value.description),
  );
  const seen = [...above, name];
  const inner = new Map();
  for (const value of Object.values(whole.properties)) {
    for (const one of [value, value.items, value.additionalProperties, ...(value.anyOf ?? [])]) {
      if (one?.$ref && !seen.includes(one.$ref.split("/").pop())) inner.set(one.$ref, one);
    }
  }
  return element(
    "div",
    {},
    table([name ?? "field", "type", "meaning"], rows),
    ...[...inner.values()].map((one) => folded(typeOf(one), () => fields(api, one, seen))),
  );
}

/** A part that is made when it is first opened. */
function folded(title, make) {
  const whole = element("details", {}, element("summary", {}, title));
  whole.addEventListener("toggle", () => {
    if (whole.open && whole.children.length === 1) whole.append(element("div", { class: "body" }, make()));
  });
  return whole;
}

function contents(api, content) {
  return Object.entries(content ?? {}).map(([type, { schema }]) =>
    element("div", {}, element("p", {}, element("code", {}, type)), fields(api, schema)),
  );
}

function details(api, operation) {
  const parameters = (operation.parameters ?? []).map((one) =>
    row(`${one.name} (${one.in})`, one.required, typeOf(one.schema), one.schema, one.description),
  );
  const answers = Object.entries(operation.responses).map(([status, answer]) => {
    const whole = follow(api, answer);
    return folded(`${status} ${whole.description}`, () => element("div", {}, ...contents(api, whole.content)));
  });
  return element(
    "div",
    {},
    ...paragraphs(operation.description),
    parameters.length ? table(["parameter", "type", "meaning"], parameters) : null,
    operation.requestBody ? element("h4", {}, "Body") : null,
    ...contents(api, operation.requestBody?.content),
    element("h4", {}, "Answers"),
    ...answers,
  );
}

function show(api, wanted) {
  const groups = new Map();
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const verb of VERBS.filter((one) => one in verbs)) {
      const operation = verbs[verb];
      const words = `${verb} ${path} ${operation.operationId} ${operation.description}`.toLowerCase();
      if (!words.includes(wanted)) continue;
      const title = element(
        "span",
        {},
        element("span", { class: "verb" }, verb.toUpperCase()),
        element("span", { class: "path" }, path),
        element("span", { class: "says" }, ` ${operation.summary}`),
      );
      const group = groups.get(operation.tags[0]) ?? [];
      groups.set(operation.tags[0], [...group, folded(title, () => details(api, operation))]);
    }
  }
  const comments = Object.fromEntries((api.tags ?? []).map((tag) => [tag.name, tag.description]));
  const names = [...groups.keys()].sort();
  document.getElementById("tags").replaceChildren(
    ...names.map((name) => element("a", { href: `#${name}` }, name)),
  );
  document.getElementById("operations").replaceChildren(
    ...(names.length ? [] : [element("p", { role: "status" }, "Nothing has this word.")]),
    ...names.map((name) =>
      element("section", { id: name }, element("h2", {}, name), ...paragraphs(comments[name]), ...groups.get(name)),
    ),
  );
}

async function main() {
  const operations = document.getElementById("operations");
  const answer = await fetch("/v1/openapi.json");
  if (!answer.ok) {
    operations.replaceChildren(element("p", { role: "alert" }, `The document could not be read (${answer.status}).`));
    return;
  }
  const api = await answer.json();
  document.getElementById("about").replaceChildren(...prose(api.info.description));
  const find = document.getElementById("find");
  find.addEventListener("input", () => show(api, find.value.trim().toLowerCase()));
  show(api, "");
  operations.setAttribute("aria-busy", "false");
  // What the address points at was not there yet when the page was.
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

main();
