// JsonWalker: goes once through the tokens of a record and puts the values that the schema names
// into its nodes. Inside the JSON reader only.
//
// Thread contract: one thread.
#pragma once

#include <string>
#include <string_view>

#include "data/column.h"
#include "data/json_reader_node.h"
#include "data/json_reader_tokens.h"

namespace millrace::data {

class JsonWalker {
 public:
  // Strings go into `arena`, whose lifetime is the batch's.
  explicit JsonWalker(Arena& arena) : arena_(arena) {}

  // Fills row `row` below `root` (a struct) from the record. False: condition() and message() say
  // what is wrong, and the row's values are to be taken back.
  bool Walk(std::string_view record, const JsonTokens& tokens, JsonNode& root, size_t row);

  std::string_view condition() const { return condition_; }
  const std::string& message() const { return message_; }

 private:
  bool Object(JsonNode& node, size_t row);
  bool Member(JsonNode& node, size_t row, size_t& position);
  const JsonKey* ExpectedKey(JsonNode& node, size_t& position) const;
  int FieldOf(const JsonNode& node, std::string_view raw_key) const;
  bool Value(JsonNode& node, size_t row);
  bool Array(JsonNode& node, size_t row);
  bool Map(JsonNode& node, size_t row);
  bool MapEntry(JsonNode& node);
  bool Text(JsonNode& node, size_t row);
  bool TextOfOther(JsonNode& node, size_t row);
  bool Boolean(JsonNode& node, size_t row);
  bool Integer(JsonNode& node, size_t row);
  bool Real(JsonNode& node, size_t row);
  bool Decimal(JsonNode& node, size_t row);
  bool Binary(JsonNode& node, size_t row);
  bool Date(JsonNode& node, size_t row);
  bool Timestamp(JsonNode& node, size_t row);
  bool Skip();
  // Goes over a bracketed value; with `text`, appends it without its white space.
  bool Nested(std::string* text);

  char Peek() const { return at_ < end_ ? text_[*at_] : '\0'; }
  // Takes `c` if it is the next token.
  bool Accept(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  // The string at *at_, between its quotes; takes it. `escaped`: it has a backslash.
  std::string_view RawString();
  // The run of bytes at *at_, without white space behind it.
  std::string_view Scalar() const;
  // A string's text without escapes, in scratch_ when it had any; false for a bad escape.
  bool PlainString(std::string_view& text);

  bool Malformed(std::string_view what);
  bool Mismatch(const JsonNode& node, std::string_view found);

  Arena& arena_;
  const char* text_ = nullptr;
  const uint32_t* at_ = nullptr;
  const uint32_t* end_ = nullptr;
  std::string scratch_;
  std::string_view condition_;
  std::string message_;
};

}  // namespace millrace::data
