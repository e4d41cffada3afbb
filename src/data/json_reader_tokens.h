// JsonTokens: where the tokens of one JSON record begin (simdjson's first stage: structure found
// and UTF-8 checked, 64 bytes at a time). Inside the JSON reader only.
//
// Invariants, of a record that Index() accepted
//   1. Each position is that of a '{', '}', '[', ']', ':', ',', of an opening quote, or of the
//   first byte of any other run of bytes (a number, a literal, or rubbish).
//   2. Positions rise; end()[0] and end()[1] are the record's size.
//   3. A string's last byte but white space before the next position is its closing quote.
//
// Thread contract: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace millrace::data {

class JsonTokens {
 public:
  JsonTokens();
  ~JsonTokens();

  // Finds the tokens of `record`, which needs no bytes behind its end. nullptr, or what is wrong
  // with it (a static text). Holds 5 bytes a byte of the largest record seen.
  const char* Index(std::string_view record);

  const uint32_t* begin() const { return begin_; }
  const uint32_t* end() const { return end_; }

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  size_t capacity_ = 0;
  const uint32_t* begin_ = nullptr;
  const uint32_t* end_ = nullptr;
};

}  // namespace millrace::data
