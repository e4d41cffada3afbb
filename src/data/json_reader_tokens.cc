#include "data/json_reader_tokens.h"

#include <algorithm>
#include <bit>

#include <simdjson.h>

namespace millrace::data {
namespace {

constexpr size_t kCapacityMin = 4096;
constexpr size_t kRecordBytesMax = size_t{256} << 20;

}  // namespace

struct JsonTokens::Parser {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> implementation;
};

JsonTokens::JsonTokens() : parser_(std::make_unique<Parser>()) {}
JsonTokens::~JsonTokens() = default;

const char* JsonTokens::Index(std::string_view record) {
  if (record.size() > kRecordBytesMax) return "larger than 256 MiB";
  if (record.size() > capacity_ || !parser_->implementation) {
    const size_t capacity = std::bit_ceil(std::max(record.size(), kCapacityMin));
    const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        capacity, simdjson::DEFAULT_MAX_DEPTH, parser_->implementation);
    if (error) return "no memory to read it";
    capacity_ = capacity;
  }
  auto& parser = *parser_->implementation;
  const auto error = parser.stage1(reinterpret_cast<const uint8_t*>(record.data()), record.size(),
                                   simdjson::stage1_mode::regular);
  if (error) return error == simdjson::EMPTY ? "empty" : simdjson::error_message(error);
  begin_ = parser.structural_indexes.get();
  end_ = begin_ + parser.n_structural_indexes;
  return nullptr;
}

}  // namespace millrace::data
