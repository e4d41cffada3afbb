#include "data/json_reader_walker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/base64.h"
#include "data/decimal_text.h"
#include "data/iso_time.h"
#include "data/json_reader_copy.h"
#include "data/json_reader_values.h"

namespace millrace::data {
namespace {

constexpr size_t kDepthMax = 1000;
// Keys longer than this are not worth remembering.
constexpr size_t kExpectedKeyBytesMax = 256;
constexpr size_t kExpectedKeysMax = 1024;

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string Shown(std::string_view text) {
  constexpr size_t kShownMax = 100;
  return fmt::format("{}{}", text.substr(0, kShownMax), text.size() > kShownMax ? "..." : "");
}

}  // namespace

bool JsonWalker::Walk(std::string_view record, const JsonTokens& tokens, JsonNode& root,
                      size_t row) {
  text_ = record.data();
  end_ = tokens.end();
  if (views_strings_) has_escapes_ = HasEscape(record);
  if (shape_.IsWorthTrying()) {
    if (WalkShape(row, tokens.begin())) [[likely]] {
      shape_.NoteHit();
      return true;
    }
    shape_.NoteMiss();
    root.Truncate(row, row + 1);
  }
  if (!WalkFreely(root, row, tokens.begin())) return false;
  if (shape_.IsWanted()) shape_.Learn(record, tokens, root);
  return true;
}

bool JsonWalker::WalkFreely(JsonNode& root, size_t row, Place at) {
  if (!Is('{', at)) return Malformed("a JSON object is wanted", at) != nullptr;
  at = Object(root, row, at);
  if (at == nullptr) return false;
  return at == end_ || Malformed("something stands behind the object", at) != nullptr;
}

// The next three run for every field of every record.
[[gnu::always_inline]] inline std::string_view JsonWalker::RawString(Place at) const {
  const char* begin = text_ + at[0] + 1;
  const char* close = text_ + at[1] - 1;
  while (*close != '"') --close;
  return {begin, static_cast<size_t>(close - begin)};
}

// A field that the record lacks shifts the rest by one.
[[gnu::always_inline]] inline const JsonKey* JsonWalker::ExpectedKey(const JsonNode& node,
                                                                     size_t& position,
                                                                     Place at) const {
  const char* key = text_ + at[0] + 1;
  const auto& expected = node.expected;
  if (position < expected.size() && expected[position].Matches(key)) return &expected[position];
  if (position + 1 < expected.size() && expected[position + 1].Matches(key))
    return &expected[++position];
  return nullptr;
}

[[gnu::always_inline]] inline JsonWalker::Place JsonWalker::Text(JsonNode& node, size_t row,
                                                                 Place at) {
  const std::string_view raw = RawString(at);
  if (views_strings_ && (!has_escapes_ || !HasEscape(raw))) [[likely]] {
    node.Set(row, raw);
    return at + 1;
  }
  char* to = arena_.Allocate(raw.size() + kCopyBytes);
  size_t size = raw.size();
  if (CopyFindingEscape(raw, to)) [[unlikely]] {
    const char* end = UnescapeJson(raw, to);
    if (!end) return Malformed("a string has a bad escape", at);
    size = static_cast<size_t>(end - to);
  }
  arena_.ReturnTail(to + size);
  node.Set(row, std::string_view(to, size));
  return at + 1;
}

// Places are checked against the record's end only where a step says how many tokens must follow.
bool JsonWalker::WalkShape(size_t row, Place at) {
  using Kind = JsonStep::Kind;
  const std::vector<JsonStep>& steps = shape_.steps();
  const JsonStep* const last = &steps.back();
  if (!Is('{', at)) return false;
  ++at;
  bool is_counted = false;  // whether the tokens from `at` on are known to be enough
  for (const JsonStep* step = steps.data();; ++step) {
    if (!is_counted && end_ - at < step->tokens_needed) return false;
    if (text_[at[0]] != '"' || !step->key.Matches(text_ + at[0] + 1) || text_[at[1]] != ':')
      return false;
    at += 2;
    is_counted = step->kind != Kind::kNested;
    if (step->kind == Kind::kOpen) {
      if (text_[*at] != '{') return false;
      SetBit(step->key.child->valid.data(), row);
      ++at;
      continue;
    }
    at = is_counted ? OneToken(*step, row, at) : ManyTokens(*step, row, at);
    if (at == nullptr) return false;
    for (uint32_t i = 0; i < step->closed; ++i, ++at) {
      if (!Is('}', at)) return false;
    }
    if (step == last) return at == end_;
    if (!Is(',', at)) return false;
    ++at;
  }
}

[[gnu::always_inline]] inline JsonWalker::Place JsonWalker::OneToken(const JsonStep& step,
                                                                     size_t row, Place at) {
  const char first = text_[*at];
  Place behind = nullptr;
  if (step.kind == JsonStep::Kind::kText && first == '"') {
    behind = Text(*step.key.child, row, at);
  } else if (step.kind == JsonStep::Kind::kSkip) {
    behind = Skip(at);
  } else {
    behind = Value(*step.key.child, row, at);
  }
  return behind == at + 1 ? behind : nullptr;
}

JsonWalker::Place JsonWalker::ManyTokens(const JsonStep& step, size_t row, Place at) {
  return step.key.child == nullptr ? Skip(at) : Value(*step.key.child, row, at);
}

// `at` is the opening brace.
JsonWalker::Place JsonWalker::Object(JsonNode& node, size_t row, Place at) {
  ++at;
  if (Is('}', at)) return at + 1;
  size_t position = 0;
  while (true) {
    at = Member(node, row, position, at);
    if (at == nullptr) return nullptr;
    if (Is('}', at)) return at + 1;
    if (!Is(',', at)) return Malformed("',' or '}' is wanted", at);
    ++at;
  }
}

JsonWalker::Place JsonWalker::Member(JsonNode& node, size_t row, size_t& position, Place at) {
  if (end_ - at < 3 || text_[at[0]] != '"' || text_[at[1]] != ':')
    return Malformed("a field name and ':' are wanted", at);
  const JsonKey* key = ExpectedKey(node, position, at);
  if (key == nullptr) [[unlikely]]
    key = NewKey(node, position, RawString(at));
  ++position;
  at += 2;
  JsonNode* const child = key->child;
  if (child == nullptr) return Skip(at);
  if (child->IsSet(row)) [[unlikely]]
    child->Truncate(row, row + 1);  // named twice: the last one wins
  return Value(*child, row, at);
}

const JsonKey* JsonWalker::NewKey(JsonNode& node, size_t position, std::string_view raw) {
  const int field = FieldOf(node, raw);
  JsonKey key(raw, field < 0 ? nullptr : node.children[static_cast<size_t>(field)].get());
  if (raw.size() > kExpectedKeyBytesMax || position >= kExpectedKeysMax)
    return &(unexpected_ = std::move(key));
  if (position < node.expected.size()) return &(node.expected[position] = std::move(key));
  return &node.expected.emplace_back(std::move(key));
}

int JsonWalker::FieldOf(const JsonNode& node, std::string_view raw_key) const {
  std::string key(raw_key);
  if (key.find('\\') != std::string::npos) {
    const char* end = UnescapeJson(raw_key, key.data());
    if (!end) return -1;
    key.resize(static_cast<size_t>(end - key.data()));
  }
  const auto field = node.fields.find(key);
  return field == node.fields.end() ? -1 : field->second;
}

JsonWalker::Place JsonWalker::Value(JsonNode& node, size_t row, Place at) {
  if (at >= end_) return Malformed("it ends where a value is wanted", at);
  const char first = text_[*at];
  if (first == '"' && node.type.kind() == TypeKind::kString) return Text(node, row, at);
  if (first == 'n' && Scalar(at) == "null") return at + 1;
  switch (node.type.kind()) {
    case TypeKind::kString:
      return TextOfOther(node, row, at);
    case TypeKind::kStruct:
      if (first != '{') return Mismatch(node, Scalar(at));
      SetBit(node.valid.data(), row);
      return Object(node, row, at);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
      return Timestamp(node, row, at);
    case TypeKind::kTinyint:
    case TypeKind::kSmallint:
    case TypeKind::kInt:
    case TypeKind::kBigint:
      return Integer(node, row, at);
    case TypeKind::kBoolean:
      return Boolean(node, row, at);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return Real(node, row, at);
    case TypeKind::kDecimal:
      return Decimal(node, row, at);
    case TypeKind::kDate:
      return Date(node, row, at);
    case TypeKind::kArray:
      return Array(node, row, at);
    case TypeKind::kMap:
      return Map(node, row, at);
    case TypeKind::kBinary:
      return Binary(node, row, at);
    default:
      return Skip(at);  // of type VOID: always NULL
  }
}

JsonWalker::Place JsonWalker::Array(JsonNode& node, size_t row, Place at) {
  if (!Is('[', at)) return Mismatch(node, Scalar(at));
  SetBit(node.valid.data(), row);
  node.EndRows(row);
  JsonNode& child = *node.children[0];
  ++at;
  while (!Is(']', at)) {
    child.Reserve(node.elements);
    at = Value(child, node.elements, at);
    if (at == nullptr) return nullptr;
    ++node.elements;
    if (Is(']', at)) break;
    if (!Is(',', at)) return Malformed("',' or ']' is wanted", at);
    ++at;
    if (Is(']', at)) return Malformed("a value is wanted", at);
  }
  node.EndRows(row + 1);
  return at + 1;
}

JsonWalker::Place JsonWalker::Map(JsonNode& node, size_t row, Place at) {
  if (!Is('{', at)) return Mismatch(node, Scalar(at));
  SetBit(node.valid.data(), row);
  node.EndRows(row);
  ++at;
  while (!Is('}', at)) {
    at = MapEntry(node, at);
    if (at == nullptr) return nullptr;
    if (Is('}', at)) break;
    if (!Is(',', at)) return Malformed("',' or '}' is wanted", at);
    ++at;
    if (Is('}', at)) return Malformed("a key is wanted", at);
  }
  node.EndRows(row + 1);
  return at + 1;
}

JsonWalker::Place JsonWalker::MapEntry(JsonNode& node, Place at) {
  if (end_ - at < 3 || text_[at[0]] != '"' || text_[at[1]] != ':')
    return Malformed("a key and ':' are wanted", at);
  JsonNode& key = *node.children[0];
  JsonNode& value = *node.children[1];
  key.Reserve(node.elements);
  value.Reserve(node.elements);
  at = Text(key, node.elements, at);
  if (at == nullptr) return nullptr;
  at = Value(value, node.elements, at + 1);
  if (at != nullptr) ++node.elements;
  return at;
}

// Numbers, booleans and nested values keep their text.
JsonWalker::Place JsonWalker::TextOfOther(JsonNode& node, size_t row, Place at) {
  if (Is('{', at) || Is('[', at)) {
    std::string nested;
    const Place behind = Nested(&nested, at);
    if (behind != nullptr) node.Set(row, arena_.Copy(nested));
    return behind;
  }
  const std::string_view text = Scalar(at);
  if (text != "true" && text != "false" && !IsJsonNumber(text))
    return Malformed(fmt::format("'{}' is no value", Shown(text)), at);
  node.Set(row, Keep(text));
  return at + 1;
}

JsonWalker::Place JsonWalker::Boolean(JsonNode& node, size_t row, Place at) {
  const std::string_view text = Scalar(at);
  if (text != "true" && text != "false") return Mismatch(node, text);
  node.Set<uint8_t>(row, text == "true" ? 1 : 0);
  return at + 1;
}

JsonWalker::Place JsonWalker::Integer(JsonNode& node, size_t row, Place at) {
  const std::string_view text = Scalar(at);
  const auto number = ParseJsonInteger(text);
  if (!number) return Mismatch(node, text);
  const auto fits = [&]<typename T>(T) {
    if (*number < std::numeric_limits<T>::min() || *number > std::numeric_limits<T>::max())
      return false;
    node.Set(row, static_cast<T>(*number));
    return true;
  };
  bool ok = true;
  switch (node.type.kind()) {
    case TypeKind::kTinyint:
      ok = fits(int8_t{});
      break;
    case TypeKind::kSmallint:
      ok = fits(int16_t{});
      break;
    case TypeKind::kInt:
      ok = fits(int32_t{});
      break;
    default:
      ok = fits(int64_t{});
  }
  return ok ? at + 1 : Mismatch(node, text);
}

// "NaN" and the infinities stand in strings, for JSON has no literals for them.
JsonWalker::Place JsonWalker::Real(JsonNode& node, size_t row, Place at) {
  const std::string_view text = Scalar(at);
  std::optional<double> number = ParseJsonDouble(text);
  if (!number) {
    const std::string_view positive[] = {"\"Infinity\"", "\"+Infinity\"", "\"INF\"", "\"+INF\""};
    if (text == "\"NaN\"") number = std::numeric_limits<double>::quiet_NaN();
    if (std::ranges::find(positive, text) != std::end(positive))
      number = std::numeric_limits<double>::infinity();
    if (text == "\"-Infinity\"" || text == "\"-INF\"")
      number = -std::numeric_limits<double>::infinity();
    if (!number) return Mismatch(node, text);
  }
  if (node.type.kind() == TypeKind::kDouble) {
    node.Set(row, *number);
  } else {
    node.Set(row, static_cast<float>(*number));
  }
  return at + 1;
}

JsonWalker::Place JsonWalker::Decimal(JsonNode& node, size_t row, Place at) {
  const std::string_view shown = Scalar(at);
  const bool quoted = shown.size() >= 2 && shown[0] == '"';
  const std::string_view text = quoted ? shown.substr(1, shown.size() - 2) : shown;
  Int128 unscaled = 0;
  if ((!quoted && !IsJsonNumber(text)) ||
      ParseDecimalText(text, node.type.precision(), node.type.scale(), unscaled) !=
          DecimalOutcome::kOk)
    return Mismatch(node, shown);
  node.Set(row, unscaled);
  return at + 1;
}

JsonWalker::Place JsonWalker::Binary(JsonNode& node, size_t row, Place at) {
  if (!Is('"', at)) return Mismatch(node, Scalar(at));
  std::string_view text;
  if (!PlainString(at, text)) return nullptr;
  const auto bytes = DecodeBase64(text);
  if (!bytes) return Mismatch(node, text);
  node.Set(row, arena_.Copy(*bytes));
  return at + 1;
}

JsonWalker::Place JsonWalker::Date(JsonNode& node, size_t row, Place at) {
  if (!Is('"', at)) return Mismatch(node, Scalar(at));
  std::string_view text;
  if (!PlainString(at, text)) return nullptr;
  const auto days = ParseDateText(text);
  if (!days) return Mismatch(node, text);
  node.Set(row, *days);
  return at + 1;
}

JsonWalker::Place JsonWalker::Timestamp(JsonNode& node, size_t row, Place at) {
  if (!Is('"', at)) return TimestampFromNumber(node, row, at);
  const bool has_zone = node.type.kind() == TypeKind::kTimestamp;
  // Escapes do not go through the fast path, so the raw text serves it.
  if (const auto instant = ParseIsoTimestampUtc(RawString(at)); instant && has_zone) [[likely]] {
    node.Set(row, *instant);
    return at + 1;
  }
  std::string_view text;
  if (!PlainString(at, text)) return nullptr;
  if (has_zone) {
    const auto instant = ParseIsoTimestamp(text);
    if (!instant) return Mismatch(node, text);
    node.Set(row, *instant);
    return at + 1;
  }
  const auto local = ParseTimestampText(text);
  if (!local || local->time_only) return Mismatch(node, text);
  node.Set(row, local->local_us);
  return at + 1;
}

// A whole number is seconds since 1970, as Spark reads it.
JsonWalker::Place JsonWalker::TimestampFromNumber(JsonNode& node, size_t row, Place at) {
  const std::string_view text = Scalar(at);
  const auto seconds = ParseJsonInteger(text);
  int64_t micros = 0;
  if (!seconds || node.type.kind() != TypeKind::kTimestamp ||
      __builtin_mul_overflow(*seconds, int64_t{1'000'000}, &micros))
    return Mismatch(node, text);
  node.Set(row, micros);
  return at + 1;
}

JsonWalker::Place JsonWalker::Skip(Place at) {
  switch (at < end_ ? text_[*at] : ',') {
    case '{':
    case '[':
      return Nested(nullptr, at);
    case '}':
    case ']':
    case ',':
    case ':':
      return Malformed("a value is wanted", at);
    default:
      return at + 1;
  }
}

JsonWalker::Place JsonWalker::Nested(std::string* text, Place at) {
  // A bit a level: set in objects.
  std::array<uint64_t, kDepthMax / 64 + 1> kinds{};
  size_t depth = 0;
  do {
    if (at >= end_) return Malformed("it ends within an object or array", at);
    const char c = text_[*at];
    if (text) *text += Scalar(at);
    if (c == '{' || c == '[') {
      if (depth == kDepthMax)
        return Malformed("objects and arrays nest deeper than 1000 levels", at);
      (c == '{' ? SetBit : ClearBit)(kinds.data(), depth++);
    } else if (c == '}' || c == ']') {
      if (TestBit(kinds.data(), --depth) != (c == '}'))
        return Malformed("brackets do not match", at);
    }
    ++at;
  } while (depth > 0);
  return at;
}

std::string_view JsonWalker::Scalar(Place at) const {
  if (at >= end_) return {};
  const char* begin = text_ + at[0];
  const char* end = text_ + at[1];
  while (end > begin + 1 && IsBlank(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

bool JsonWalker::PlainString(Place at, std::string_view& text) {
  text = RawString(at);
  if (!HasEscape(text)) return true;
  scratch_.resize(text.size());
  const char* end = UnescapeJson(text, scratch_.data());
  if (!end) return Malformed("a string has a bad escape", at) != nullptr;
  text = std::string_view(scratch_).substr(0, static_cast<size_t>(end - scratch_.data()));
  return true;
}

JsonWalker::Place JsonWalker::Malformed(std::string_view what, Place at) {
  condition_ = "MALFORMED_JSON";
  message_ = fmt::format("not a JSON record: {}, at byte {}", what, *at);
  return nullptr;
}

JsonWalker::Place JsonWalker::Mismatch(const JsonNode& node, std::string_view found) {
  condition_ = "JSON_TYPE_MISMATCH";
  message_ =
      fmt::format("field {}: '{}' is not of type {}", node.path, Shown(found), node.type.ToDdl());
  return nullptr;
}

}  // namespace millrace::data
