#include "data/json_reader_shape.h"

#include <algorithm>

namespace millrace::data {
namespace {

constexpr size_t kStepsMax = 1024;
constexpr size_t kKeyBytesMax = 256;
// Records that follow one another mostly have the shape, or no shape is worth trying for a while.
constexpr uint32_t kTriesMax = 1024;
constexpr uint32_t kMissesFree = 8;
constexpr uint32_t kPauseRecords = 256;

// Goes over the tokens of a record that is known to be good.
class Tokens {
 public:
  Tokens(std::string_view record, const JsonTokens& tokens)
      : text_(record.data()), at_(tokens.begin()), end_(tokens.end()) {}

  bool AtEnd() const { return at_ >= end_; }
  char Char() const { return text_[*at_]; }
  void Skip(size_t tokens = 1) { at_ += tokens; }
  // A key without its quotes.
  std::string_view Key() const {
    const char* begin = text_ + at_[0] + 1;
    const char* close = text_ + at_[1] - 1;
    while (*close != '"') --close;
    return {begin, static_cast<size_t>(close - begin)};
  }
  // Whether the value at hand is an object with fields.
  bool OpensFields() const { return Char() == '{' && text_[at_[1]] != '}'; }
  // Goes behind a value.
  void SkipValue() {
    size_t depth = 0;
    do {
      const char c = Char();
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      Skip();
    } while (depth > 0);
  }

 private:
  const char* text_;
  const uint32_t* at_;
  const uint32_t* end_;
};

JsonStep::Kind KindOf(const JsonNode* child, const Tokens& value) {
  using Kind = JsonStep::Kind;
  const bool nested = value.Char() == '{' || value.Char() == '[';
  if (child != nullptr && child->type.kind() == TypeKind::kStruct && value.OpensFields())
    return Kind::kOpen;
  if (nested) return Kind::kNested;
  if (child == nullptr) return Kind::kSkip;
  return child->type.kind() == TypeKind::kString ? Kind::kText : Kind::kValue;
}

}  // namespace

void JsonShape::Learn(std::string_view record, const JsonTokens& tokens, JsonNode& root) {
  steps_.clear();
  hits_ = 0;
  misses_ = 0;
  if (LearnFields(record, tokens, root)) {
    CountTokens();
  } else {
    steps_.clear();
    pause_ = kPauseRecords;
  }
}

bool JsonShape::LearnFields(std::string_view record, const JsonTokens& tokens, JsonNode& root) {
  std::vector<JsonNode*> open{&root};
  Tokens at(record, tokens);
  at.Skip();  // '{'
  while (!at.AtEnd() && at.Char() == '"') {
    const std::string_view key = at.Key();
    const JsonNode& node = *open.back();
    // A key with an escape may be any field's name.
    if (key.size() > kKeyBytesMax || key.find('\\') != std::string_view::npos) return false;
    const auto field = node.fields.find(std::string(key));
    JsonNode* const child = field == node.fields.end()
                                ? nullptr
                                : node.children[static_cast<size_t>(field->second)].get();
    const bool twice = child != nullptr && std::ranges::any_of(steps_, [&](const JsonStep& step) {
                         return step.key.child == child;
                       });
    if (twice || steps_.size() == kStepsMax) return false;
    at.Skip(2);
    JsonStep& step = steps_.emplace_back(JsonStep{JsonKey(key, child)});
    step.kind = KindOf(child, at);
    if (step.kind == JsonStep::Kind::kOpen) {
      open.push_back(child);
      at.Skip();
      continue;
    }
    at.SkipValue();
    for (; !at.AtEnd() && at.Char() == '}'; at.Skip()) {
      ++step.closed;
      open.pop_back();
    }
    if (!at.AtEnd()) at.Skip();  // ','
  }
  return open.empty() && at.AtEnd();
}

void JsonShape::CountTokens() {
  uint32_t needed = 0;
  for (size_t i = steps_.size(); i-- > 0;) {
    JsonStep& step = steps_[i];
    const bool is_last = i + 1 == steps_.size();
    const uint32_t own = 3 + (step.kind == JsonStep::Kind::kOpen ? 0 : step.closed + !is_last);
    // How many tokens a nested value has is not known: what follows it is counted anew.
    needed = step.kind == JsonStep::Kind::kNested ? 3 : own + needed;
    step.tokens_needed = needed;
  }
}

bool JsonShape::IsWorthTrying() {
  if (!steps_.empty()) return true;
  if (pause_ > 0) --pause_;
  return false;
}

void JsonShape::NoteMiss() {
  ++misses_;
  if (hits_ + misses_ > kTriesMax) {
    hits_ /= 2;
    misses_ /= 2;
  }
  if (misses_ <= kMissesFree + hits_ / 4) return;
  steps_.clear();
  pause_ = kPauseRecords;
}

}  // namespace millrace::data
