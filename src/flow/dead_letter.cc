#include "flow/dead_letter.h"

#include <charconv>

#include "base/bytes.h"

namespace millrace::flow {
namespace {

constexpr std::string_view kTopic = "millrace.origin.topic";
constexpr std::string_view kPartition = "millrace.origin.partition";
constexpr std::string_view kOffset = "millrace.origin.offset";
constexpr std::string_view kOrdinal = "millrace.origin.ordinal";
constexpr std::string_view kQuery = "millrace.query";
constexpr std::string_view kStage = "millrace.stage";
constexpr std::string_view kCondition = "millrace.condition";
constexpr std::string_view kMessage = "millrace.message";
constexpr std::string_view kEpoch = "millrace.epoch";

class HeaderReader {
 public:
  explicit HeaderReader(const std::vector<Header>& headers) : headers_(headers) {}

  std::string Text(std::string_view name) {
    for (const Header& header : headers_) {
      if (header.key == name) return header.value;
    }
    missing_ = name;
    return {};
  }
  int64_t Number(std::string_view name) {
    const std::string text = Text(name);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) missing_ = name;
    return number;
  }
  std::string_view missing() const { return missing_; }

 private:
  const std::vector<Header>& headers_;
  std::string_view missing_;
};

}  // namespace

OutRecord EncodeDeadLetter(const DeadLetter& letter) {
  OutRecord record{letter.key, letter.value, {}};
  const auto add = [&](std::string_view name, std::string value) {
    record.headers.push_back({std::string(name), std::move(value)});
  };
  add(kTopic, letter.origin.topic);
  add(kPartition, std::to_string(letter.origin.partition.value));
  add(kOffset, std::to_string(letter.origin.offset.value));
  add(kOrdinal, std::to_string(letter.origin.ordinal));
  add(kQuery, letter.query);
  add(kStage, letter.stage);
  add(kCondition, letter.condition);
  add(kMessage, letter.message);
  add(kEpoch, std::to_string(letter.epoch.value));
  return record;
}

Result<DeadLetter> DecodeDeadLetter(const RecordView& record) {
  MR_ASSIGN(const std::vector<Header> headers, DecodeHeaders(record.raw_headers));
  HeaderReader reader(headers);
  DeadLetter letter;
  letter.origin.topic = reader.Text(kTopic);
  letter.origin.partition = PartitionId(static_cast<int32_t>(reader.Number(kPartition)));
  letter.origin.offset = Offset(reader.Number(kOffset));
  letter.origin.ordinal = static_cast<int32_t>(reader.Number(kOrdinal));
  letter.query = reader.Text(kQuery);
  letter.stage = reader.Text(kStage);
  letter.condition = reader.Text(kCondition);
  letter.message = reader.Text(kMessage);
  letter.epoch = EpochId(reader.Number(kEpoch));
  if (!reader.missing().empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "record at offset {} is no dead letter: header {} is missing or malformed",
                record.offset, reader.missing());
  }
  if (record.key != nullptr) letter.key = record.key_view();
  if (record.value != nullptr) letter.value = record.value_view();
  return letter;
}

std::string_view AddresseeOf(const RecordView& record) {
  if (record.raw_headers.size() <= kReplayQueryHeader.size()) return {};
  ByteReader reader(record.raw_headers);
  for (int64_t left = reader.SignedVarint(); left > 0 && reader.ok(); --left) {
    const int64_t key_size = reader.SignedVarint();
    const std::string_view key = reader.Bytes(key_size < 0 ? 0 : static_cast<uint64_t>(key_size));
    const int64_t value_size = reader.SignedVarint();
    const std::string_view value =
        reader.Bytes(value_size < 0 ? 0 : static_cast<uint64_t>(value_size));
    if (key == kReplayQueryHeader) return value;
  }
  return {};
}

}  // namespace millrace::flow
