#include "api/rest/router.h"

#include <algorithm>
#include <charconv>

#include "api/rest/answers.h"
#include "api/rest/problem.h"
#include "base/base64.h"
#include "base/unicode.h"
#include "schedule/civil.h"

namespace millrace::api::rest {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

// The parts of a path as sent, each decoded: a '/' within a part does not split it.
std::vector<std::string> PartsOf(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    parts.push_back(io::PercentDecode(path.substr(0, end), false));
    path.remove_prefix(end);
  }
  return parts;
}

std::optional<Values> MatchPath(std::string_view pattern, const std::vector<std::string>& parts) {
  Values values;
  size_t at = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    pattern.remove_prefix(end);
    if (at == parts.size()) return std::nullopt;
    if (part.starts_with('{'))
      values[std::string(part.substr(1, part.size() - 2))] = parts[at];
    else if (part != parts[at])
      return std::nullopt;
    ++at;
  }
  if (at != parts.size()) return std::nullopt;
  return values;
}

std::string WrongValue(const Parameter& parameter, const std::string& text) {
  if (!parameter.choices.empty() && !IsChoice(text, parameter.choices))
    return fmt::format("must be one of {}", parameter.choices);
  if (parameter.type == "boolean" && text != "true" && text != "false")
    return "must be true or false";
  if (parameter.type == "time" && !schedule::ParseUtc(text))
    return "must be a time such as 2026-01-31T23:59:59Z";
  if (parameter.type == "integer") {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return "must be a whole number";
    if (number < parameter.least || number > parameter.most)
      return fmt::format("must be from {} to {}", parameter.least, parameter.most);
  }
  if (parameter.type == "string") {
    const auto size = static_cast<int64_t>(text.size());
    if (size < parameter.least || size > parameter.most)
      return fmt::format("must have {} to {} bytes", std::max<int64_t>(parameter.least, 0),
                         parameter.most);
    if (!IsValidUtf8(text)) return "must be UTF-8";
  }
  return "";
}

// Checks `values` (of the path) and the query; fills in fallbacks and decodes the cursor.
std::vector<ParameterError> ReadParameters(const io::HttpRequest& request, const Route& route,
                                           Values& values) {
  std::vector<ParameterError> errors;
  for (auto& [name, value] : io::ParseQuery(request.query)) {
    const auto known = std::ranges::find(route.parameters, name, &Parameter::name);
    if (known == route.parameters.end() || IsPathParameter(route, name))
      errors.push_back({"query", name, "is not known here"});
    else if (!values.emplace(name, value).second)
      errors.push_back({"query", name, "is there twice"});
  }
  for (const Parameter& parameter : route.parameters) {
    const std::string name(parameter.name);
    const auto found = values.find(name);
    if (found == values.end()) {
      if (!parameter.fallback.empty()) values[name] = parameter.fallback;
      continue;
    }
    std::string wrong = WrongValue(parameter, found->second);
    if (wrong.empty() && name == "cursor") {
      auto place = DecodeBase64Url(found->second);
      if (place && !place->empty())
        found->second = std::move(*place);
      else
        wrong = "must be a next_cursor of this list";
    }
    if (wrong.empty()) continue;
    errors.push_back({IsPathParameter(route, name) ? "path" : "query", name, std::move(wrong)});
  }
  return errors;
}

bool IsJson(const io::HttpRequest& request) {
  const std::string* type = io::FindHeader(request.headers, "content-type");
  if (type == nullptr) return false;
  std::string_view name = std::string_view(*type).substr(0, type->find(';'));
  while (name.ends_with(' ')) name.remove_suffix(1);
  return data::EqualsIgnoringCase(name, "application/json");
}

std::vector<ParameterError> ReadBody(const io::HttpRequest& request, const Route& route,
                                     data::JsonValue& body) {
  std::vector<ParameterError> errors;
  if (route.body.empty()) {
    if (!request.body.empty() && request.body != "{}")
      errors.push_back({"body", "", "this route takes none"});
    return errors;
  }
  auto parsed = data::ParseJson(request.body);
  if (!parsed) return {{"body", "", parsed.error().message}};
  body = std::move(*parsed);
  for (Violation& violation : CheckType(body, route.body))
    errors.push_back({"body", std::move(violation.place), std::move(violation.detail)});
  return errors;
}

io::HttpResponse Invalid(std::vector<ParameterError> errors) {
  std::string detail;
  for (const ParameterError& error : errors) {
    detail += fmt::format("{}{} {} {}", detail.empty() ? "" : "; ", error.place, error.name,
                          error.detail);
  }
  return ProblemResponse({.status = 400,
                          .code = "invalid_argument",
                          .detail = std::move(detail),
                          .errors = std::move(errors)});
}

// Counts a heavy route while it, or its stream, runs.
class HeavyUse {
 public:
  explicit HeavyUse(std::shared_ptr<std::atomic<int>> count) : count_(std::move(count)) {
    ++*count_;
  }
  ~HeavyUse() { --*count_; }
  HeavyUse(const HeavyUse&) = delete;
  HeavyUse& operator=(const HeavyUse&) = delete;
  bool allowed() const { return *count_ <= Router::kHeavyMax; }

 private:
  std::shared_ptr<std::atomic<int>> count_;
};

}  // namespace

io::HttpResponse Router::Answer(const io::HttpRequest& request, pipeline::Runner* runner) {
  std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  path.remove_prefix(std::min(kBasePath.size(), path.size()));
  const std::vector<std::string> parts = PartsOf(path);
  std::string allowed;
  for (const Route& route : AllRoutes()) {
    std::optional<Values> values = MatchPath(route.path, parts);
    if (!values) continue;
    if (route.method != request.method) {
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", route.method);
      continue;
    }
    if (runner == nullptr) {
      return ProblemResponse({.status = 503,
                              .code = "unavailable",
                              .detail = "the pipeline is starting or stopping",
                              .headers = {{"Retry-After", "1"}}});
    }
    return Run(request, route, std::move(*values), *runner);
  }
  if (allowed.empty()) {
    return ProblemResponse({.status = 404,
                            .code = "not_found",
                            .detail = "no such route",
                            .hint = "GET /api/v1/openapi.json lists them"});
  }
  return ProblemResponse({.status = 405,
                          .code = "invalid_argument",
                          .detail = fmt::format("allowed here: {}", allowed),
                          .headers = {{"Allow", allowed}}});
}

io::HttpResponse Router::Run(const io::HttpRequest& request, const Route& route, Values values,
                             pipeline::Runner& runner) {
  if (auto errors = ReadParameters(request, route, values); !errors.empty())
    return Invalid(std::move(errors));
  Call call{workspace_, runner, live_, stopping_, route, std::move(values)};
  if (route.method != "GET") {
    if (!IsJson(request)) {
      return ProblemResponse({.status = 415,
                              .code = "invalid_argument",
                              .detail = "a write needs the content type application/json",
                              .errors = {{"header", "Content-Type", "must be application/json"}}});
    }
    if (auto errors = ReadBody(request, route, call.body); !errors.empty())
      return Invalid(std::move(errors));
  }
  const auto use = route.cost == Cost::kHeavy ? std::make_shared<HeavyUse>(heavy_) : nullptr;
  if (use != nullptr && !use->allowed()) {
    return ProblemResponse({.status = 429,
                            .code = "resource_exhausted",
                            .detail = fmt::format("{} scans run already", kHeavyMax),
                            .headers = {{"Retry-After", "1"}}});
  }
  auto answer = route.run(call);
  if (!answer) {
    Problem problem = ProblemOf(answer.error());
    problem.detail = ValidUtf8(std::move(problem.detail));
    return ProblemResponse(problem);
  }
  io::HttpResponse response;
  response.status = route.status;
  response.content_type = route.media;
  if (answer->stream) {
    response.stream = [use, stream = std::move(answer->stream)](io::ResponseStream& out) {
      stream(out);
    };
  } else {
    response.body = ValidUtf8(std::move(answer->body));
  }
  return response;
}

int64_t Call::Integer(std::string_view name) const {
  const std::string& text = Text(name);
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

TimestampUs Call::Time(std::string_view name) const {
  return schedule::ParseUtc(Text(name)).value_or(TimestampUs(0));
}

Result<schedule::Scheduler*> Call::Scheduler() const {
  schedule::Scheduler* scheduler = runner.scheduler();
  if (scheduler != nullptr) return scheduler;
  return std::unexpected(Error{ErrorCode::kUnavailable, "the pipeline runs without its schedule",
                               "start it without --no-schedule"});
}

}  // namespace millrace::api::rest
