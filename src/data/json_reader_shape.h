// JsonShape: the fields of a record in their order, learnt from one record, so that the next one of
// the same shape is read by one loop without look-ups: each key is compared where it should stand.
// Inside the JSON reader only.
//
//   {"id":1,"name":{"first":"A"},"tags":[1,2]}      id: kValue; name: kOpen; first: kText, one '}'
//                                                   behind it; tags: kNested, one '}' behind it
//
// A shape is a guess: a record that does not follow it is read the general way.
//
// Thread contract: one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "data/json_reader_node.h"
#include "data/json_reader_tokens.h"

namespace millrace::data {

// A field: its key, ':', and its value.
struct JsonStep {
  enum class Kind : uint8_t {
    kText,    // a value of one token into a STRING column
    kValue,   // a value of one token into another column
    kSkip,    // a value of one token that no column takes
    kNested,  // a value of any number of tokens
    kOpen,    // '{': its first field is the next step
  };

  JsonKey key;  // the child is the column that takes the value
  Kind kind = Kind::kSkip;
  uint32_t closed = 0;         // objects that end behind the value
  uint32_t tokens_needed = 0;  // from this key on, to the end or the next step behind a kNested
};

class JsonShape {
 public:
  // Makes it the shape of a record that was read into `root`. A record that names a field twice, or
  // more fields than are worth remembering, has none.
  void Learn(std::string_view record, const JsonTokens& tokens, JsonNode& root);

  // Whether it is worth to try the shape; asked once a record.
  bool IsWorthTrying();
  void NoteHit() { ++hits_; }
  void NoteMiss();
  // Whether the record in hand, which was read the general way, should be learnt.
  bool IsWanted() const { return steps_.empty() && pause_ == 0; }

  const std::vector<JsonStep>& steps() const { return steps_; }

 private:
  bool LearnFields(std::string_view record, const JsonTokens& tokens, JsonNode& root);
  void CountTokens();

  std::vector<JsonStep> steps_;
  uint32_t hits_ = 0;  // of late
  uint32_t misses_ = 0;
  uint32_t pause_ = 0;  // records to be read before another shape is learnt
};

}  // namespace millrace::data
