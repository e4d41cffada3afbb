#include "data/json_reader_walker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "data/decimal_text.h"
#include "data/iso_time.h"
#include "data/json_reader_values.h"

namespace millrace::data {
namespace {

constexpr size_t kDepthMax = 1000;
constexpr size_t kCopyBytes = 16;
// Keys longer than this are not worth remembering.
constexpr size_t kExpectedKeyBytesMax = 256;
constexpr size_t kExpectedKeysMax = 1024;

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

using Block = uint8_t __attribute__((vector_size(kCopyBytes)));

// Copies `raw` in blocks (both sides have room for a block more) and says whether it has a
// backslash.
bool CopyFindingEscape(std::string_view raw, char* to) {
  Block slashes{};
  const char* from = raw.data();
  const char* const end = from + raw.size();
  Block last{};
  for (; from + kCopyBytes <= end; from += kCopyBytes, to += kCopyBytes) {
    Block block;
    std::memcpy(&block, from, kCopyBytes);
    std::memcpy(to, &block, kCopyBytes);
    slashes |= reinterpret_cast<Block>(block == static_cast<uint8_t>('\\'));
  }
  std::memcpy(&last, from, kCopyBytes);
  std::memcpy(to, &last, kCopyBytes);
  if (std::memchr(from, '\\', static_cast<size_t>(end - from)) != nullptr) return true;
  std::array<uint64_t, 2> words;
  std::memcpy(words.data(), &slashes, sizeof(words));
  return (words[0] | words[1]) != 0;
}

std::string Shown(std::string_view text) {
  constexpr size_t kShownMax = 100;
  return fmt::format("{}{}", text.substr(0, kShownMax), text.size() > kShownMax ? "..." : "");
}

}  // namespace

bool JsonWalker::Walk(std::string_view record, const JsonTokens& tokens, JsonNode& root,
                      size_t row) {
  text_ = record.data();
  at_ = tokens.begin();
  end_ = tokens.end();
  if (!Accept('{')) return Malformed("a JSON object is wanted");
  return Object(root, row) && (at_ == end_ || Malformed("something stands behind the object"));
}

// The opening brace is taken.
bool JsonWalker::Object(JsonNode& node, size_t row) {
  if (Accept('}')) return true;
  size_t position = 0;
  while (true) {
    if (!Member(node, row, position)) return false;
    if (Accept(',')) continue;
    return Accept('}') || Malformed("',' or '}' is wanted");
  }
}

bool JsonWalker::Member(JsonNode& node, size_t row, size_t& position) {
  if (end_ - at_ < 3 || text_[at_[0]] != '"' || text_[at_[1]] != ':')
    return Malformed("a field name and ':' are wanted");
  int field = 0;
  if (const JsonKey* key = ExpectedKey(node, position)) {
    field = key->field;
    ++at_;
  } else {
    const std::string_view raw = RawString();
    field = FieldOf(node, raw);
    if (raw.size() <= kExpectedKeyBytesMax && position < kExpectedKeysMax) {
      if (position < node.expected.size()) {
        node.expected[position] = JsonKey(raw, field);
      } else {
        node.expected.emplace_back(raw, field);
      }
    }
  }
  ++position;
  ++at_;  // the colon
  if (field < 0) return Skip();
  JsonNode& child = *node.children[static_cast<size_t>(field)];
  if (child.IsSet(row)) child.Truncate(row, row + 1);  // named twice: the last one wins
  return Value(child, row);
}

// A field that the record lacks shifts the rest by one.
const JsonKey* JsonWalker::ExpectedKey(JsonNode& node, size_t& position) const {
  const char* key = text_ + at_[0] + 1;
  const auto& expected = node.expected;
  if (position < expected.size() && expected[position].Matches(key)) return &expected[position];
  if (position + 1 < expected.size() && expected[position + 1].Matches(key))
    return &expected[++position];
  return nullptr;
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

bool JsonWalker::Value(JsonNode& node, size_t row) {
  if (at_ >= end_) return Malformed("it ends where a value is wanted");
  if (text_[*at_] == 'n' && Scalar() == "null") {
    ++at_;
    return true;
  }
  switch (node.type.kind()) {
    case TypeKind::kString:
      return Text(node, row);
    case TypeKind::kStruct:
      if (!Accept('{')) return Mismatch(node, Scalar());
      SetBit(node.valid.data(), row);
      return Object(node, row);
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
      return Timestamp(node, row);
    case TypeKind::kTinyint:
    case TypeKind::kSmallint:
    case TypeKind::kInt:
    case TypeKind::kBigint:
      return Integer(node, row);
    case TypeKind::kBoolean:
      return Boolean(node, row);
    case TypeKind::kFloat:
    case TypeKind::kDouble:
      return Real(node, row);
    case TypeKind::kDecimal:
      return Decimal(node, row);
    case TypeKind::kDate:
      return Date(node, row);
    case TypeKind::kArray:
      return Array(node, row);
    case TypeKind::kMap:
      return Map(node, row);
    case TypeKind::kBinary:
      return Binary(node, row);
    default:
      return Skip();  // of type VOID: always NULL
  }
}

bool JsonWalker::Array(JsonNode& node, size_t row) {
  if (!Accept('[')) return Mismatch(node, Scalar());
  SetBit(node.valid.data(), row);
  node.EndRows(row);
  JsonNode& child = *node.children[0];
  if (!Accept(']')) {
    do {
      child.Reserve(node.elements);
      if (!Value(child, node.elements)) return false;
      ++node.elements;
    } while (Accept(','));
    if (!Accept(']')) return Malformed("',' or ']' is wanted");
  }
  node.EndRows(row + 1);
  return true;
}

bool JsonWalker::Map(JsonNode& node, size_t row) {
  if (!Accept('{')) return Mismatch(node, Scalar());
  SetBit(node.valid.data(), row);
  node.EndRows(row);
  if (!Accept('}')) {
    do {
      if (!MapEntry(node)) return false;
    } while (Accept(','));
    if (!Accept('}')) return Malformed("',' or '}' is wanted");
  }
  node.EndRows(row + 1);
  return true;
}

bool JsonWalker::MapEntry(JsonNode& node) {
  if (end_ - at_ < 3 || text_[at_[0]] != '"' || text_[at_[1]] != ':')
    return Malformed("a key and ':' are wanted");
  JsonNode& key = *node.children[0];
  JsonNode& value = *node.children[1];
  key.Reserve(node.elements);
  value.Reserve(node.elements);
  if (!Text(key, node.elements)) return false;
  ++at_;  // the colon
  if (!Value(value, node.elements)) return false;
  ++node.elements;
  return true;
}

bool JsonWalker::Text(JsonNode& node, size_t row) {
  if (Peek() != '"') return TextOfOther(node, row);
  const std::string_view raw = RawString();
  char* to = arena_.Allocate(raw.size() + kCopyBytes);
  size_t size = raw.size();
  if (CopyFindingEscape(raw, to)) [[unlikely]] {
    const char* end = UnescapeJson(raw, to);
    if (!end) return Malformed("a string has a bad escape");
    size = static_cast<size_t>(end - to);
  }
  arena_.ReturnTail(to + size);
  node.Set(row, std::string_view(to, size));
  return true;
}

// Numbers, booleans and nested values keep their text.
bool JsonWalker::TextOfOther(JsonNode& node, size_t row) {
  if (Peek() == '{' || Peek() == '[') {
    std::string nested;
    if (!Nested(&nested)) return false;
    node.Set(row, arena_.Copy(nested));
    return true;
  }
  const std::string_view text = Scalar();
  ++at_;
  if (text != "true" && text != "false" && !IsJsonNumber(text))
    return Malformed(fmt::format("'{}' is no value", Shown(text)));
  node.Set(row, arena_.Copy(text));
  return true;
}

bool JsonWalker::Boolean(JsonNode& node, size_t row) {
  const std::string_view text = Scalar();
  if (text == "true" || text == "false") {
    node.Set<uint8_t>(row, text == "true" ? 1 : 0);
    ++at_;
    return true;
  }
  return Mismatch(node, text);
}

bool JsonWalker::Integer(JsonNode& node, size_t row) {
  const std::string_view text = Scalar();
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
  if (!ok) return Mismatch(node, text);
  ++at_;
  return true;
}

// "NaN" and the infinities stand in strings, for JSON has no literals for them.
bool JsonWalker::Real(JsonNode& node, size_t row) {
  const std::string_view text = Scalar();
  std::optional<double> number = ParseJsonDouble(text);
  if (!number) {
    if (text == "\"NaN\"") number = std::numeric_limits<double>::quiet_NaN();
    if (text == "\"Infinity\"" || text == "\"+Infinity\"" || text == "\"INF\"" ||
        text == "\"+INF\"")
      number = std::numeric_limits<double>::infinity();
    if (text == "\"-Infinity\"" || text == "\"-INF\"")
      number = -std::numeric_limits<double>::infinity();
    if (!number) return Mismatch(node, text);
  }
  ++at_;
  if (node.type.kind() == TypeKind::kDouble) {
    node.Set(row, *number);
  } else {
    node.Set(row, static_cast<float>(*number));
  }
  return true;
}

bool JsonWalker::Decimal(JsonNode& node, size_t row) {
  std::string_view text = Scalar();
  const std::string_view shown = text;
  const bool quoted = text.size() >= 2 && text[0] == '"';
  if (quoted) text = text.substr(1, text.size() - 2);
  Int128 unscaled = 0;
  if ((!quoted && !IsJsonNumber(text)) ||
      ParseDecimalText(text, node.type.precision(), node.type.scale(), unscaled) !=
          DecimalOutcome::kOk)
    return Mismatch(node, shown);
  ++at_;
  node.Set(row, unscaled);
  return true;
}

bool JsonWalker::Binary(JsonNode& node, size_t row) {
  if (Peek() != '"') return Mismatch(node, Scalar());
  std::string_view text;
  if (!PlainString(text)) return false;
  const auto bytes = DecodeBase64(text);
  if (!bytes) return Mismatch(node, text);
  node.Set(row, arena_.Copy(*bytes));
  return true;
}

bool JsonWalker::Date(JsonNode& node, size_t row) {
  if (Peek() != '"') return Mismatch(node, Scalar());
  std::string_view text;
  if (!PlainString(text)) return false;
  const auto days = ParseDateText(text);
  if (!days) return Mismatch(node, text);
  node.Set(row, *days);
  return true;
}

// A whole number is seconds since 1970, as Spark reads it.
bool JsonWalker::Timestamp(JsonNode& node, size_t row) {
  const bool has_zone = node.type.kind() == TypeKind::kTimestamp;
  if (Peek() != '"') {
    const std::string_view text = Scalar();
    const auto seconds = ParseJsonInteger(text);
    int64_t micros = 0;
    if (!seconds || !has_zone || __builtin_mul_overflow(*seconds, int64_t{1'000'000}, &micros))
      return Mismatch(node, text);
    node.Set(row, micros);
    ++at_;
    return true;
  }
  std::string_view text;
  if (!PlainString(text)) return false;
  if (has_zone) {
    const auto instant = ParseIsoTimestamp(text);
    if (!instant) return Mismatch(node, text);
    node.Set(row, *instant);
    return true;
  }
  const auto local = ParseTimestampText(text);
  if (!local || local->time_only) return Mismatch(node, text);
  node.Set(row, local->local_us);
  return true;
}

bool JsonWalker::Skip() {
  switch (Peek()) {
    case '{':
    case '[':
      return Nested(nullptr);
    case '}':
    case ']':
    case ',':
    case ':':
      return Malformed("a value is wanted");
    default:
      if (at_ >= end_) return Malformed("it ends where a value is wanted");
      ++at_;
      return true;
  }
}

bool JsonWalker::Nested(std::string* text) {
  // A bit a level: set in objects.
  std::array<uint64_t, kDepthMax / 64 + 1> kinds{};
  size_t depth = 0;
  do {
    if (at_ >= end_) return Malformed("it ends within an object or array");
    const char c = text_[*at_];
    if (text) *text += Scalar();
    ++at_;
    if (c == '{' || c == '[') {
      if (depth == kDepthMax) return Malformed("objects and arrays nest deeper than 1000 levels");
      (c == '{' ? SetBit : ClearBit)(kinds.data(), depth++);
    } else if (c == '}' || c == ']') {
      if (TestBit(kinds.data(), --depth) != (c == '}')) return Malformed("brackets do not match");
    }
  } while (depth > 0);
  return true;
}

std::string_view JsonWalker::RawString() {
  const char* begin = text_ + at_[0] + 1;
  const char* close = text_ + at_[1] - 1;
  while (*close != '"') --close;
  ++at_;
  return {begin, static_cast<size_t>(close - begin)};
}

std::string_view JsonWalker::Scalar() const {
  if (at_ >= end_) return {};
  const char* begin = text_ + at_[0];
  const char* end = text_ + at_[1];
  while (end > begin + 1 && IsBlank(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

bool JsonWalker::PlainString(std::string_view& text) {
  text = RawString();
  if (std::memchr(text.data(), '\\', text.size()) == nullptr) return true;
  scratch_.resize(text.size());
  const char* end = UnescapeJson(text, scratch_.data());
  if (!end) return Malformed("a string has a bad escape");
  text = std::string_view(scratch_).substr(0, static_cast<size_t>(end - scratch_.data()));
  return true;
}

bool JsonWalker::Malformed(std::string_view what) {
  condition_ = "MALFORMED_JSON";
  message_ = fmt::format("not a JSON record: {}, at byte {}", what, *at_);
  return false;
}

bool JsonWalker::Mismatch(const JsonNode& node, std::string_view found) {
  condition_ = "JSON_TYPE_MISMATCH";
  message_ =
      fmt::format("field {}: '{}' is not of type {}", node.path, Shown(found), node.type.ToDdl());
  return false;
}

}  // namespace millrace::data
