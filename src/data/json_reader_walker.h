// JsonWalker: goes once through the tokens of a record and puts the values that the schema names
// into its nodes. Inside the JSON reader only.
//
// Thread contract: one thread.
#pragma once

#include <string>
#include <string_view>

#include "data/column.h"
#include "data/json_reader_node.h"
#include "data/json_reader_shape.h"
#include "data/json_reader_tokens.h"

namespace millrace::data {

class JsonWalker {
 public:
  // kViewed: strings are views of the records where they have no escapes.
  enum class Strings : uint8_t { kCopied, kViewed };

  // Other strings go into `arena`, whose lifetime is the batch's.
  // `shape` is what is known of the records so far.
  JsonWalker(Arena& arena, Strings strings, JsonShape& shape)
      : arena_(arena), shape_(shape), views_strings_(strings == Strings::kViewed) {}

  // Fills row `row` below `root` (a struct) from the record. False: condition() and message() say
  // what is wrong, and the row's values are to be taken back.
  bool Walk(std::string_view record, const JsonTokens& tokens, JsonNode& root, size_t row);

  std::string_view condition() const { return condition_; }
  const std::string& message() const { return message_; }

 private:
  // The place of a token. Functions that take values off the record get the place where they begin
  // and return the place behind them, or nullptr for a bad record: so the place stays in a
  // register.
  using Place = const uint32_t*;

  bool WalkShape(size_t row, Place at);
  Place OneToken(const JsonStep& step, size_t row, Place at);
  Place ManyTokens(const JsonStep& step, size_t row, Place at);
  bool WalkFreely(JsonNode& root, size_t row, Place at);
  Place Object(JsonNode& node, size_t row, Place at);
  Place Member(JsonNode& node, size_t row, size_t& position, Place at);
  const JsonKey* ExpectedKey(const JsonNode& node, size_t& position, Place at) const;
  const JsonKey* NewKey(JsonNode& node, size_t position, std::string_view raw);
  int FieldOf(const JsonNode& node, std::string_view raw_key) const;
  Place Value(JsonNode& node, size_t row, Place at);
  Place Array(JsonNode& node, size_t row, Place at);
  Place Map(JsonNode& node, size_t row, Place at);
  Place MapEntry(JsonNode& node, Place at);
  Place Text(JsonNode& node, size_t row, Place at);
  // `text`, a part of the record, as what a row may hold.
  std::string_view Keep(std::string_view text) { return views_strings_ ? text : arena_.Copy(text); }
  Place TextOfOther(JsonNode& node, size_t row, Place at);
  Place Boolean(JsonNode& node, size_t row, Place at);
  Place Integer(JsonNode& node, size_t row, Place at);
  Place Real(JsonNode& node, size_t row, Place at);
  Place Decimal(JsonNode& node, size_t row, Place at);
  Place Binary(JsonNode& node, size_t row, Place at);
  Place Date(JsonNode& node, size_t row, Place at);
  Place Timestamp(JsonNode& node, size_t row, Place at);
  Place TimestampFromNumber(JsonNode& node, size_t row, Place at);
  Place Skip(Place at);
  // Goes over a bracketed value; with `text`, appends it without its white space.
  Place Nested(std::string* text, Place at);

  bool Is(char c, Place at) const { return at < end_ && text_[*at] == c; }
  // The string at `at`, between its quotes.
  std::string_view RawString(Place at) const;
  // The run of bytes at `at`, without white space behind it.
  std::string_view Scalar(Place at) const;
  // A string's text without escapes, in scratch_ when it had any; false for a bad escape.
  bool PlainString(Place at, std::string_view& text);

  // Both note what is wrong and return nullptr.
  Place Malformed(std::string_view what, Place at);
  Place Mismatch(const JsonNode& node, std::string_view found);

  Arena& arena_;
  JsonShape& shape_;
  const bool views_strings_;
  bool has_escapes_ = false;  // of the record; known only where strings are viewed
  const char* text_ = nullptr;
  Place end_ = nullptr;
  std::string scratch_;
  JsonKey unexpected_{"", nullptr};  // a key too long to remember
  std::string_view condition_;
  std::string message_;
};

}  // namespace millrace::data
