#include "data/json_select.h"

#include <algorithm>
#include <charconv>

#include <simdjson.h>

namespace millrace::data {
namespace {

namespace ondemand = simdjson::ondemand;

std::unexpected<Error> Broken(simdjson::error_code error) {
  return Fail(ErrorCode::kDamaged, "the page is not valid JSON: {}",
              simdjson::error_message(error));
}

// simdjson reports a missing member, a missing element and a value of another kind with these.
bool IsAbsence(simdjson::error_code error) {
  return error == simdjson::NO_SUCH_FIELD || error == simdjson::INDEX_OUT_OF_BOUNDS ||
         error == simdjson::INCORRECT_TYPE;
}

std::string_view TrimEnd(std::string_view text) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  return text;
}

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  Status Parse(std::vector<JsonPath::Step>& steps, bool& all_elements) {
    if (!text_.starts_with('$')) return Wrong("a path begins with '$'");
    at_ = 1;
    while (at_ < text_.size()) {
      if (all_elements) return Wrong("'[*]' is only understood at the end");
      if (text_[at_] == '.') {
        MR_TRY(Member(steps));
      } else if (text_.substr(at_).starts_with("[*]")) {
        all_elements = true;
        at_ += 3;
      } else if (text_.substr(at_).starts_with("['") || text_.substr(at_).starts_with("[\"")) {
        MR_TRY(QuotedMember(steps));
      } else if (text_[at_] == '[') {
        MR_TRY(Element(steps));
      } else {
        return Wrong("expected '.' or '['");
      }
    }
    return {};
  }

 private:
  std::unexpected<Error> Wrong(std::string_view what) const {
    return Fail(ErrorCode::kInvalidArgument, "JSON path '{}', column {}: {}", text_, at_ + 1, what);
  }
  Status Member(std::vector<JsonPath::Step>& steps) {
    const size_t begin = ++at_;
    while (at_ < text_.size() &&
           std::string_view(".[]'\"*@?() \t").find(text_[at_]) == std::string_view::npos)
      ++at_;
    if (at_ == begin) return Wrong("expected the name of a member");
    steps.push_back({std::string(text_.substr(begin, at_ - begin)), -1});
    return {};
  }
  Status QuotedMember(std::vector<JsonPath::Step>& steps) {
    const char quote = text_[at_ + 1];
    const size_t begin = at_ + 2;
    const size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos || end + 1 >= text_.size() || text_[end + 1] != ']')
      return Wrong("the quoted name is not closed by a quote and ']'");
    steps.push_back({std::string(text_.substr(begin, end - begin)), -1});
    at_ = end + 2;
    return {};
  }
  Status Element(std::vector<JsonPath::Step>& steps) {
    int64_t index = -1;
    const char* begin = text_.data() + at_ + 1;
    const char* end = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(begin, end, index);
    if (error != std::errc() || index < 0 || stop == end || *stop != ']')
      return Wrong("expected '[*]', a number from 0, or a quoted name");
    steps.push_back({"", index});
    at_ = static_cast<size_t>(stop - text_.data()) + 1;
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The value `steps` lead to, from a value nothing has been read of.
simdjson::simdjson_result<ondemand::value> Walk(ondemand::value from,
                                                std::span<const JsonPath::Step> steps) {
  for (const JsonPath::Step& step : steps) {
    ondemand::value next;
    simdjson::error_code error = simdjson::SUCCESS;
    if (step.index >= 0) {
      ondemand::array array;
      error = from.get_array().get(array);
      if (!error) error = array.at(static_cast<size_t>(step.index)).get(next);
    } else {
      ondemand::object object;
      error = from.get_object().get(object);
      if (!error) error = object.find_field_unordered(step.name).get(next);
    }
    if (error) return error;
    from = next;
  }
  return from;
}

// Goes over everything within `value`: brackets in pairs, commas, colons, keys. Numbers, literals
// and the insides of strings are not looked at: a wrong one costs its record, not the page.
class StructureWalk {
 public:
  explicit StructureWalk(std::string_view body) : end_(body.data() + body.size()) {}

  simdjson::error_code Cross(ondemand::value value, int depth) const {
    const std::string_view token = value.raw_json_token();
    if (token.data() >= end_) return simdjson::INCOMPLETE_ARRAY_OR_OBJECT;
    switch (token.front()) {
      case '{':
        return depth < kDepthMax ? CrossObject(value, depth + 1) : simdjson::DEPTH_ERROR;
      case '[':
        return depth < kDepthMax ? CrossArray(value, depth + 1) : simdjson::DEPTH_ERROR;
      case '}':
      case ']':
      case ',':
      case ':':
        return simdjson::TAPE_ERROR;
      default:
        return simdjson::SUCCESS;
    }
  }

 private:
  static constexpr int kDepthMax = 1000;  // one stack frame or two a level

  simdjson::error_code CrossObject(ondemand::value& value, int depth) const {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    for (auto member : object) {
      ondemand::value child;
      if (const auto error = member.value().get(child)) return error;
      if (const auto error = Cross(child, depth)) return error;
    }
    return simdjson::SUCCESS;
  }
  simdjson::error_code CrossArray(ondemand::value& value, int depth) const {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    for (auto element : array) {
      ondemand::value child;
      if (const auto error = element.get(child)) return error;
      if (const auto error = Cross(child, depth)) return error;
    }
    return simdjson::SUCCESS;
  }

  const char* end_;
};

// Appends the characters of a JSON string token, quotes and all, to `to`.
class Unescaper {
 public:
  Result<std::string> Run(ondemand::parser& parser, ondemand::value& value,
                          std::string_view token) {
    const size_t escape = token.find('\\');
    if (escape == std::string_view::npos) {
      const size_t close = token.find('"', 1);
      if (close != token.size() - 1) return Broken(simdjson::STRING_ERROR);
      return std::string(token.substr(1, token.size() - 2));
    }
    buffer_.resize(token.size() + simdjson::SIMDJSON_PADDING);
    ondemand::raw_json_string raw;
    if (const auto error = value.get_raw_json_string().get(raw)) return Broken(error);
    auto* to = reinterpret_cast<uint8_t*>(buffer_.data());
    std::string_view text;
    if (const auto error = parser.unescape(raw, to).get(text)) return Broken(error);
    return std::string(text);
  }

 private:
  std::string buffer_;
};

}  // namespace

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  JsonPath path;
  MR_TRY(PathParser(text).Parse(path.steps_, path.all_elements_));
  return path;
}

std::string JsonPath::ToString() const {
  std::string text = "$";
  for (const Step& step : steps_)
    text += step.index >= 0 ? fmt::format("[{}]", step.index) : fmt::format("['{}']", step.name);
  return all_elements_ ? text + "[*]" : text;
}

struct JsonPage::State {
  ondemand::parser parser;
  ondemand::document document;
  Unescaper unescaper;
  std::vector<std::optional<JsonScalar>> values;

  // One JSON value from the first to the last token of `body`, the loaded document's text.
  Status CheckWhole(std::string_view body);
  // The value at `path`; fails with kNotFound or kDamaged.
  Result<ondemand::value> Reach(const JsonPath& path);
  Result<std::string_view> ReadObject(ondemand::value record, std::span<const JsonPath> paths);
  Status ReadScalar(ondemand::value value, std::optional<JsonScalar>& to);
  Status VisitOne(ondemand::value record, std::span<const JsonPath> paths,
                  const std::function<Status(const JsonRecord&)>& visit);
  Status VisitArray(ondemand::array array, std::span<const JsonPath> paths,
                    const std::function<Status(const JsonRecord&)>& visit);
};

Status JsonPage::State::CheckWhole(std::string_view body) {
  ondemand::value root;
  simdjson::error_code error = document.get_value().get(root);
  if (error == simdjson::SCALAR_DOCUMENT_AS_VALUE) return {};  // Reach refuses it
  if (!error) error = StructureWalk(body).Cross(root, 0);
  const char* at = body.data() + body.size();
  const bool more = document.current_location().get(at) == simdjson::SUCCESS;
  const auto offset = std::min(static_cast<size_t>(at - body.data()), body.size());
  if (error == simdjson::DEPTH_ERROR)
    return Fail(ErrorCode::kDamaged, "the page is nested too deeply, near byte {}", offset);
  if (error && offset == body.size())
    return Fail(ErrorCode::kDamaged, "the page breaks off after {} bytes: it is not whole JSON",
                offset);
  if (error)
    return Fail(ErrorCode::kDamaged, "the page is not valid JSON, near byte {}: {}", offset,
                simdjson::error_message(error));
  if (!more) return {};
  auto rest =
      Fail(ErrorCode::kDamaged, "the page goes on behind its JSON document, at byte {}", offset);
  rest.error().hint = "a page is one JSON document; JSON lines are not supported";
  return rest;
}

Status JsonPage::State::ReadScalar(ondemand::value value, std::optional<JsonScalar>& to) {
  to.reset();
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return Broken(error);
  if (type == ondemand::json_type::object || type == ondemand::json_type::array ||
      type == ondemand::json_type::null)
    return {};
  const std::string_view token = TrimEnd(value.raw_json_token());
  if (type == ondemand::json_type::string) {
    if (token.size() < 2) return Broken(simdjson::STRING_ERROR);
    MR_ASSIGN(std::string text, unescaper.Run(parser, value, token));
    to = JsonScalar{JsonScalar::Kind::kString, std::move(text)};
    return {};
  }
  if (type == ondemand::json_type::boolean) {
    bool flag = false;
    if (const auto error = value.get_bool().get(flag)) return Broken(error);
    to = JsonScalar{JsonScalar::Kind::kBoolean, flag ? "true" : "false"};
    return {};
  }
  double ignored = 0;
  if (const auto error = value.get_double().get(ignored)) return Broken(error);
  to = JsonScalar{JsonScalar::Kind::kNumber, std::string(token)};
  return {};
}

Result<ondemand::value> JsonPage::State::Reach(const JsonPath& path) {
  // After a broken page simdjson gives the document up; it must not be touched again.
  if (!document.is_alive()) return Broken(simdjson::TAPE_ERROR);
  document.rewind();
  ondemand::value root;
  simdjson::error_code error = document.get_value().get(root);
  if (error == simdjson::SCALAR_DOCUMENT_AS_VALUE)
    return Fail(ErrorCode::kNotFound, "the page is neither a JSON object nor an array");
  ondemand::value found;
  if (!error) error = Walk(root, path.steps()).get(found);
  if (IsAbsence(error))
    return Fail(ErrorCode::kNotFound, "the page has nothing at {}", path.ToString());
  if (error) return Broken(error);
  return found;
}

// Reads the asked values of an object record and returns its bytes.
Result<std::string_view> JsonPage::State::ReadObject(ondemand::value record,
                                                     std::span<const JsonPath> paths) {
  ondemand::object object;
  simdjson::error_code error = record.get_object().get(object);
  for (size_t i = 0; i < paths.size() && !error; ++i) {
    const auto& steps = paths[i].steps();
    if (steps.empty() || steps[0].index >= 0) continue;
    ondemand::value found;
    error = object.find_field_unordered(steps[0].name).get(found);
    if (!error) error = Walk(found, std::span(steps).subspan(1)).get(found);
    if (!error) MR_TRY(ReadScalar(found, values[i]));
    if (!error || IsAbsence(error)) error = object.reset().error();
  }
  std::string_view raw;
  if (!error) error = object.raw_json().get(raw);
  if (error) return Broken(error);
  return raw;
}

Status JsonPage::State::VisitOne(ondemand::value record, std::span<const JsonPath> paths,
                                 const std::function<Status(const JsonRecord&)>& visit) {
  values.assign(paths.size(), std::nullopt);
  ondemand::json_type type;
  if (const auto error = record.type().get(type)) return Broken(error);
  std::string_view raw;
  if (type == ondemand::json_type::object) {
    MR_ASSIGN(raw, ReadObject(record, paths));
  } else if (type == ondemand::json_type::array) {
    ondemand::array array;
    simdjson::error_code error = record.get_array().get(array);
    if (!error) error = array.raw_json().get(raw);
    if (error) return Broken(error);
  } else {
    raw = record.raw_json_token();
  }
  return visit({TrimEnd(raw), values});
}

Status JsonPage::State::VisitArray(ondemand::array array, std::span<const JsonPath> paths,
                                   const std::function<Status(const JsonRecord&)>& visit) {
  for (auto element : array) {
    ondemand::value record;
    if (const auto error = element.get(record)) return Broken(error);
    MR_TRY(VisitOne(record, paths, visit));
  }
  return {};
}

JsonPage::JsonPage() : state_(std::make_unique<State>()) {}
JsonPage::~JsonPage() = default;

Status JsonPage::Load(std::string& body) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  if (body.empty()) return Broken(simdjson::EMPTY);
  auto document = state_->parser.iterate(body.data(), body.size(), body.capacity());
  if (const auto error = std::move(document).get(state_->document)) return Broken(error);
  return state_->CheckWhole(body);
}

Status JsonPage::VisitRecords(const JsonPath& records, std::span<const JsonPath> paths,
                              const std::function<Status(const JsonRecord&)>& visit) {
  MR_ASSIGN(ondemand::value at, state_->Reach(records));
  ondemand::json_type type;
  if (const auto error = at.type().get(type)) return Broken(error);
  if (type == ondemand::json_type::null) return {};
  if (type != ondemand::json_type::array) {
    if (records.all_elements())
      return Fail(ErrorCode::kNotFound, "what the page has at {} is not an array",
                  records.ToString());
    return state_->VisitOne(at, paths, visit);
  }
  ondemand::array array;
  if (const auto error = at.get_array().get(array)) return Broken(error);
  return state_->VisitArray(array, paths, visit);
}

Result<std::optional<JsonScalar>> JsonPage::Find(const JsonPath& path) {
  std::optional<JsonScalar> scalar;
  auto value = state_->Reach(path);
  if (!value && value.error().code == ErrorCode::kNotFound) return scalar;
  if (!value) return std::unexpected(std::move(value).error());
  MR_TRY(state_->ReadScalar(*value, scalar));
  return scalar;
}

}  // namespace millrace::data
