#include "api/rest/documents.h"

#include <map>

#include "api/rest/route.h"
#include "pipeline/json_text.h"

namespace millrace::api::rest {
namespace {

using pipeline::JsonList;
using pipeline::JsonText;

std::string ParameterSchema(const Parameter& parameter) {
  JsonText schema;
  const bool is_text = parameter.type == "string";
  if (parameter.type == "time")
    schema.Field("type", "string").Field("format", "date-time");
  else
    schema.Field("type", parameter.type);
  if (parameter.type == "integer") schema.Field("format", "int64");
  if (parameter.least != INT64_MIN)
    schema.Field(is_text ? "minLength" : "minimum", parameter.least);
  if (parameter.most != INT64_MAX) schema.Field(is_text ? "maxLength" : "maximum", parameter.most);
  if (!parameter.choices.empty()) {
    JsonList list;
    for (const std::string_view choice : ChoicesOf(parameter.choices)) list.AddText(choice);
    schema.Raw("enum", list.Array());
  }
  if (!parameter.fallback.empty()) {
    if (parameter.type == "integer" || parameter.type == "boolean")
      schema.Raw("default", parameter.fallback);
    else
      schema.Field("default", parameter.fallback);
  }
  return schema.Object();
}

std::string Content(std::string_view media, const std::string& schema) {
  return JsonText().Raw(media, JsonText().Raw("schema", schema).Object()).Object();
}

std::string ResponsesOf(const Route& route) {
  const bool is_json = route.media == "application/json";
  JsonText good;
  good.Field("description", route.summary)
      .Raw("content",
           Content(route.media, is_json ? TypeSchema(route.answer) : R"({"type":"string"})"));
  const std::string problem =
      JsonText()
          .Field("description", "What went wrong, and where")
          .Raw("content", Content("application/problem+json", TypeSchema("Problem")))
          .Object();
  return JsonText()
      .Raw(std::to_string(route.status), good.Object())
      .Raw("4XX", problem)
      .Raw("5XX", problem)
      .Object();
}

std::string OperationOf(const Route& route) {
  JsonText operation;
  operation.Field("operationId", route.id)
      .Raw("tags", JsonList().AddText(route.tag).Array())
      .Field("summary", route.summary)
      .Field("x-role", Name(route.role));
  JsonList parameters;
  for (const Parameter& parameter : route.parameters) {
    const bool in_path = IsPathParameter(route, parameter.name);
    parameters.Add(JsonText()
                       .Field("name", parameter.name)
                       .Field("in", in_path ? "path" : "query")
                       .Field("required", in_path)
                       .Field("description", parameter.summary)
                       .Raw("schema", ParameterSchema(parameter))
                       .Object());
  }
  operation.Raw("parameters", parameters.Array());
  if (!route.body.empty()) {
    operation.Raw("requestBody",
                  JsonText()
                      .Field("required", true)
                      .Raw("content", Content("application/json", TypeSchema(route.body)))
                      .Object());
  } else if (route.method != "GET") {
    constexpr std::string_view kEmpty = R"({"type":"object","additionalProperties":false})";
    operation.Raw("requestBody",
                  JsonText()
                      .Field("required", true)
                      .Raw("content", Content("application/json", std::string(kEmpty)))
                      .Object());
  }
  return operation.Raw("responses", ResponsesOf(route)).Object();
}

std::string LowerCase(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += static_cast<char>(c | 0x20);
  return lower;
}

std::string KindOf(const Parameter& parameter) {
  std::string kind(parameter.type);
  if (!parameter.choices.empty()) {
    kind.clear();
    for (const std::string_view choice : ChoicesOf(parameter.choices))
      kind += fmt::format("{}{}", kind.empty() ? "" : ", ", choice);
  }
  if (parameter.type == "integer" && parameter.least != INT64_MIN && parameter.most != INT64_MAX)
    kind += fmt::format(", {} to {}", parameter.least, parameter.most);
  return kind;
}

void AppendRoute(const Route& route, std::string& page) {
  page += fmt::format("### {} {}\n\n{} Role: {}.", route.method, route.path, route.summary,
                      Name(route.role));
  if (!route.body.empty()) page += fmt::format(" Body: `{}`.", route.body);
  page += fmt::format(" Answer: {}`{}`.\n\n",
                      route.status == 200 ? "" : fmt::format("{}, ", route.status),
                      route.media == "application/json" ? route.answer : route.media);
  if (route.parameters.empty()) return;
  page += "| parameter | in | kind | default | meaning |\n|---|---|---|---|---|\n";
  for (const Parameter& parameter : route.parameters) {
    page +=
        fmt::format("| `{}` | {} | {} | {} | {} |\n", parameter.name,
                    IsPathParameter(route, parameter.name) ? "path" : "query", KindOf(parameter),
                    parameter.fallback.empty() ? "" : fmt::format("`{}`", parameter.fallback),
                    parameter.summary);
  }
  page += '\n';
}

void AppendShape(const Shape& shape, std::string& page) {
  page += fmt::format("### {}\n\n{}\n\n| member | type | meaning |\n|---|---|---|\n", shape.name,
                      shape.summary);
  for (const Member& member : shape.members) {
    std::string meaning(member.summary);
    if (!member.choices.empty()) {
      std::string choices;
      for (const std::string_view choice : ChoicesOf(member.choices))
        choices += fmt::format("{}{}", choices.empty() ? "" : ", ", choice);
      meaning += fmt::format("{}One of: {}.", meaning.empty() ? "" : " ", choices);
    }
    if (member.optional) meaning += meaning.empty() ? "May be left out." : " May be left out.";
    page += fmt::format("| `{}` | `{}` | {} |\n", member.name, member.type, meaning);
  }
  page += '\n';
}

}  // namespace

std::string OpenApiJson() {
  std::map<std::string_view, JsonText> paths;
  for (const Route& route : AllRoutes())
    paths[route.path].Raw(LowerCase(route.method), OperationOf(route));
  JsonText path_items;
  for (const auto& [path, item] : paths) path_items.Raw(path, item.Object());
  JsonText shapes;
  for (const Shape& shape : AllShapes()) shapes.Raw(shape.name, ShapeSchema(shape));
  return JsonText()
      .Field("openapi", "3.1.0")
      .Raw("info", JsonText().Field("title", "Millrace").Field("version", "1").Object())
      .Raw("servers", JsonList().Add(JsonText().Field("url", kBasePath).Object()).Array())
      .Raw("paths", path_items.Object())
      .Raw("components", JsonText().Raw("schemas", shapes.Object()).Object())
      .Object();
}

std::string ApiReference() {
  std::string page =
      "# REST API\n\n"
      "Generated by `millrace schema --api` from the tables in `src/api/rest/routes.cc` and "
      "`shapes.cc`; a test holds it equal.\n"
      "The same as OpenAPI 3.1: `GET /api/v1/openapi.json`.\n\n"
      "Every path stands below `http://127.0.0.1:7070/api/v1` (`api.listen`). Only loopback is\n"
      "served; `Host` must name it, and a request from a page of another origin is refused. "
      "Writes\n"
      "need `Content-Type: application/json`. Errors are `application/problem+json` (RFC 9457) "
      "and\n"
      "name the parameter. Lists take `limit` and `cursor`: pass `next_cursor` of a page to get "
      "the\n"
      "one after it; it is null on the last page. Types: `?T` T or null, `[]T` an array, `{}T` an\n"
      "object whose members are T, `page T` is `{\"items\": []T, \"next_cursor\": ?string}`; "
      "`time` is\n"
      "RFC 3339 in UTC.\n\n";
  std::string_view tag;
  for (const Route& route : AllRoutes()) {
    if (route.tag != tag) page += fmt::format("## {}\n\n", route.tag);
    tag = route.tag;
    AppendRoute(route, page);
  }
  page += "## Shapes\n\n";
  for (const Shape& shape : AllShapes()) AppendShape(shape, page);
  page.pop_back();
  return page;
}

}  // namespace millrace::api::rest
