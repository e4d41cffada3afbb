// The small ones: the clock, and rows as JSON records.
#include "connect/connectors.h"
#include "data/json_writer.h"

namespace millrace::connect {
namespace {

class ClockTime final : public engine::TimeSource {
 public:
  explicit ClockTime(io::Clock& clock) : clock_(clock) {}
  TimestampUs Now() override { return clock_.Now(); }
  int64_t MonotonicNs() override { return clock_.MonotonicNs(); }
  void WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
               std::chrono::nanoseconds timeout) override {
    clock_.WaitFor(wake, lock, timeout);
  }

 private:
  io::Clock& clock_;
};

data::Schema WithoutKey(const data::Schema& schema) {
  data::Schema value;
  for (const data::Field& field : schema.fields) {
    if (field.name != "_key") value.fields.push_back(field);
  }
  return value;
}

class JsonEncoder final : public engine::RecordEncoder {
 public:
  explicit JsonEncoder(const data::Schema& schema)
      : key_(schema.IndexOf("_key")),
        key_writer_(schema, TimeZone::Utc()),
        value_schema_(std::make_shared<const data::Schema>(WithoutKey(schema))),
        writer_(*value_schema_, TimeZone::Utc()) {}

  Status Encode(const data::Batch& batch, data::RowErrors& errors,
                std::vector<flow::OutRecord>& out) const override {
    data::Batch value{value_schema_, batch.columns, batch.rows};
    if (key_ >= 0) value.columns.erase(value.columns.begin() + key_);
    for (size_t row = 0; row < batch.rows; ++row) {
      if (errors.Has(row)) continue;
      flow::OutRecord& record = out.emplace_back();
      writer_.AppendRow(value, row, record.value.emplace());
      if (key_ >= 0) record.key = KeyOf(*batch.columns[static_cast<size_t>(key_)], row);
    }
    return {};
  }

 private:
  std::optional<std::string> KeyOf(const data::Column& column, size_t row) const {
    if (column.IsNull(row)) return std::nullopt;
    if (column.type().is_string_like())
      return std::string(data::Reader<std::string_view>(column)[row]);
    std::string text;
    key_writer_.AppendValue(column, row, text);
    return text;
  }

  int key_;  // ordinal of _key; -1: records have no key
  data::JsonWriter key_writer_;
  std::shared_ptr<const data::Schema> value_schema_;
  data::JsonWriter writer_;
};

}  // namespace

std::unique_ptr<engine::TimeSource> MakeTimeSource(io::Clock& clock) {
  return std::make_unique<ClockTime>(clock);
}

std::shared_ptr<const engine::RecordEncoder> MakeJsonEncoder(const data::Schema& schema) {
  return std::make_shared<const JsonEncoder>(schema);
}

}  // namespace millrace::connect
