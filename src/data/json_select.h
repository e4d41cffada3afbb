// JsonPath and JsonPage: choosing the records of a page of JSON, and single values in it, while
// every record keeps its bytes exactly as they were served (simdjson on demand).
//
// The paths are a small part of RFC 9535: "$" the document, ".name" and "['name']" a member, "[3]"
// an element counted from 0, and at the end only, "[*]" all elements. Spaces, filters, slices and
// ".." are not in it.
//
//   MR_ASSIGN(const JsonPath records, JsonPath::Parse("$.results[*]"));
//   MR_ASSIGN(const JsonPath key, JsonPath::Parse("$.login.uuid"));
//   JsonPage page;
//   MR_TRY(page.Load(body));
//   MR_TRY(page.VisitRecords(records, {&key, 1}, [&](const JsonRecord& record) { ... }));
//
// Invariants
//   1. A record's bytes are a slice of the page, from its first to its last byte, unchanged.
//   2. Whatever the page holds, reading it neither crashes nor allocates more than a small multiple
//      of its size.
//   3. A page is one whole JSON document: brackets, commas, colons and keys are checked from its
//      first byte to its last before a record is given out. Numbers and literals inside records are
//      not: a record with a wrong one keeps its bytes and is refused where its columns are read.
//
// Thread contract: a JsonPage belongs to one thread at a time; a JsonPath is a value.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::data {

class JsonPath {
 public:
  struct Step {
    std::string name;    // a member, when index is not set
    int64_t index = -1;  // an element
    friend bool operator==(const Step&, const Step&) = default;
  };

  JsonPath() = default;  // "$"
  // kInvalidArgument with the column (from 1) of what is wrong.
  static Result<JsonPath> Parse(std::string_view text);

  const std::vector<Step>& steps() const { return steps_; }
  // True for a trailing "[*]".
  bool all_elements() const { return all_elements_; }
  std::string ToString() const;

 private:
  std::vector<Step> steps_;
  bool all_elements_ = false;
};

// A string, number or boolean.
struct JsonScalar {
  enum class Kind : uint8_t { kBoolean, kNumber, kString };
  Kind kind = Kind::kString;
  std::string text;  // a string unescaped, else as written
  friend bool operator==(const JsonScalar&, const JsonScalar&) = default;
};

struct JsonRecord {
  std::string_view raw;  // points into the loaded page
  // One for each path asked for; none when the value is absent, null, an object or an array.
  std::span<std::optional<JsonScalar>> values;
};

class JsonPage {
 public:
  JsonPage();
  ~JsonPage();
  JsonPage(const JsonPage&) = delete;
  JsonPage& operator=(const JsonPage&) = delete;

  // Takes a document in hand. `body` must stay as it is until the next Load; its capacity may be
  // raised (simdjson reads up to 64 bytes beyond the end). kDamaged, with the place: empty, not
  // UTF-8, no whole JSON document, more than one, or nested over 1,000 levels.
  Status Load(std::string& body);

  // Visits the records in order: the elements of the array at `records`, or the value itself when
  // it is none and the path does not end in "[*]". A null there is no record. Stops at an error of
  // `visit` and returns it. kNotFound: there is no such member; kDamaged: what had to be read is
  // not JSON.
  Status VisitRecords(const JsonPath& records, std::span<const JsonPath> paths,
                      const std::function<Status(const JsonRecord&)>& visit);

  // A single value of the page; none when absent, null, an object or an array. kDamaged as above.
  Result<std::optional<JsonScalar>> Find(const JsonPath& path);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace::data
