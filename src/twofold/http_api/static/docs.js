"use strict";
// Lists the operations of openapi.json and sends what is filled in. Text goes into the page as text only.

const main = document.getElementById("operations");

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function resolve(schema, document_) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  return name ? document_.components.schemas[decodeURIComponent(name)] || {} : schema || {};
}

function typeOf(schema, document_) {
  const found = resolve(schema, document_);
  if (found.enum) return found.enum.join(" | ");
  const kinds = found.anyOf ? found.anyOf.map(each => typeOf(each, document_)) : [].concat(found.type || "any");
  return kinds.join(" | ") + (found.format ? ` (${found.format})` : "");
}

const SAMPLES = {
  decimal: () => "0.00",
  date: () => new Date().toISOString().slice(0, 10),
  "date-time": () => new Date().toISOString(),
  uuid: () => crypto.randomUUID ? crypto.randomUUID() : "",
};

function sample(schema, document_, depth = 0) {
  const found = resolve(schema, document_);
  if (found.default !== undefined) return found.default;
  if (found.enum) return found.enum[0];
  if (found.anyOf) return sample(found.anyOf[0], document_, depth);
  const kind = [].concat(found.type)[0];
  if (kind === "object" && depth < 4) {
    const entries = Object.entries(found.properties || {});
    return Object.fromEntries(entries.map(([name, each]) => [name, sample(each, document_, depth + 1)]));
  }
  if (kind === "array") return depth < 4 && found.items ? [sample(found.items, document_, depth + 1)] : [];
  if (kind === "string") return SAMPLES[found.format] ? SAMPLES[found.format]() : "";
  return kind === "integer" || kind === "number" ? 0 : kind === "boolean" ? false : null;
}

function marked(text) {
  // Words in backticks are code; every piece goes in as text.
  return text.split("`").map((piece, at) => at % 2 ? element("code", { textContent: piece }) : piece);
}

function field(parameter, document_) {
  const input = element("input", { name: parameter.name, required: parameter.required, autocomplete: "off" });
  input.dataset.place = parameter.in;
  input.dataset.list = [].concat(resolve(parameter.schema, document_).type).includes("array") ? "yes" : "";
  const hint = [parameter.in, typeOf(parameter.schema, document_), parameter.description].filter(Boolean).join(" · ");
  const title = parameter.name + (parameter.required ? " *" : "");
  return element("label", {}, element("span", { textContent: title }), input, element("small", { textContent: hint }));
}

function request(method, path, form) {
  const query = new URLSearchParams();
  const headers = {};
  let url = path;
  for (const input of form.querySelectorAll("input")) {
    const { place, list } = input.dataset;
    if (input.value === "" && place !== "path") continue;
    if (place === "path") {
      // A composite key's parts are joined by commas, which stay; everything else is encoded.
      const encoded = input.value.split(",").map(encodeURIComponent).join(",");
      url = url.replace(`{${input.name}}`, encoded);
    } else if (place === "header") headers[input.name] = input.value;
    else for (const value of list ? input.value.split(",") : [input.value]) query.append(input.name, value);
  }
  const body = form.querySelector("textarea");
  if (body) headers["Content-Type"] = "application/json";
  const search = query.toString();
  const base = new URL(".", location.href).href.replace(/\/$/, "");
  return [base + url + (search ? `?${search}` : ""), { method: method.toUpperCase(), headers, body: body ? body.value : undefined }];
}

async function send(method, path, form, output) {
  output.textContent = "…";
  const begun = performance.now();
  try {
    const [url, options] = request(method, path, form);
    const response = await fetch(url, options);
    const text = await response.text();
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const took = (performance.now() - begun).toFixed(1);
    output.textContent = `${response.status} ${response.statusText} in ${took} ms\n${headers}\n\n${pretty(text)}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

function pretty(text) {
  // Numbers beyond 2^53 would lose digits by a round trip through JSON.parse, so such a text is shown as it came.
  if (/\d{16}/.test(text)) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function operation(method, path, described, document_) {
  const form = element("form");
  const headers = element("details", { className: "headers" }, element("summary", { textContent: "Headers" }));
  for (const parameter of described.parameters || []) {
    (parameter.in === "header" ? headers : form).append(field(parameter, document_));
  }
  const content = described.requestBody && described.requestBody.content["application/json"];
  if (content) {
    const value = JSON.stringify(sample(content.schema, document_), null, 2);
    form.append(element("label", {}, element("span", { textContent: "body" }), element("textarea", { value, spellcheck: false, rows: Math.min(value.split("\n").length + 1, 24) })));
  }
  if (headers.childElementCount > 1) form.append(headers);
  const output = element("pre", { hidden: true });
  output.setAttribute("aria-live", "polite");
  form.append(element("button", { textContent: "Send" }));
  form.addEventListener("submit", event => {
    event.preventDefault();
    output.hidden = false;
    send(method, path, form, output);
  });
  const summary = element("summary", {}, element("code", { className: "path", textContent: `${method.toUpperCase()} ${path}` }),
    element("span", {}, ...marked(described.summary || "")));
  form.prepend(...(described.description ? [element("p", {}, ...marked(described.description))] : []));
  const made = element("details", { className: "operation" }, summary, form, output);
  made.dataset.find = `${method} ${path} ${described.summary || ""}`.toLowerCase();
  return made;
}

function show(document_) {
  document.title = document_.info.title;
  document.getElementById("title").textContent = document_.info.title;
  document.getElementById("version").textContent = document_.info.version;
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, described] of Object.entries(methods)) {
      const tag = (described.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, element("section", {}, element("h2", { textContent: tag })));
      groups.get(tag).append(operation(method, path, described, document_));
    }
  }
  main.replaceChildren(...groups.values());
}

document.getElementById("find").addEventListener("input", event => {
  const wanted = event.target.value.toLowerCase();
  for (const each of main.querySelectorAll(".operation")) each.hidden = !each.dataset.find.includes(wanted);
});

fetch("openapi.json")
  .then(response => response.json())
  .then(show)
  .catch(error => { main.textContent = `openapi.json could not be read: ${error}`; });
