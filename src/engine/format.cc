#include "engine/format.h"

#include <algorithm>
#include <iterator>

#include "data/csv_reader.h"
#include "data/json_writer.h"
#include "engine/cast.h"

namespace millrace::engine {

using data::Batch;
using data::Column;
using data::Schema;

namespace {

constexpr size_t kSampledRows = 1000;
constexpr size_t kCellWidthMax = 200;

// Ranges of wide characters (Unicode's East Asian Width W and F, blocks rounded) and of marks that
// take no cell of their own.
struct Range {
  uint32_t first;
  uint32_t last;
};
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},  {0x2e80, 0x303e},
    {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},  {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},  {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
constexpr Range kCombining[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
    {0x6d6, 0x6dc},   {0x93a, 0x93a},   {0x93c, 0x93c},   {0x941, 0x948},   {0xe31, 0xe31},
    {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};

bool IsIn(std::span<const Range> ranges, uint32_t code) {
  const auto at = std::ranges::upper_bound(ranges, code, {}, &Range::first);
  return at != ranges.begin() && code <= std::prev(at)->last;
}

// The code point at the front of `text`, and its bytes; a byte that is no UTF-8 is 0 in 1.
std::pair<uint32_t, size_t> FirstCodePoint(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {0, 1};
  uint32_t code = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {0, 1};
    code = code << 6 | (next & 0x3fU);
  }
  return {code, size};
}

// `text` without anything that a terminal would act upon.
std::string Shown(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto [code, size] = FirstCodePoint(text);
    if (code == '\n') {
      shown += "\\n";
    } else if (code == '\t') {
      shown += "\\t";
    } else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
      for (const char byte : text.substr(0, size))
        shown += fmt::format("\\x{:02x}", static_cast<uint8_t>(byte));
    } else {
      shown += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return shown;
}

class TableFormatter : public ResultFormatter {
 public:
  TableFormatter(const Schema& schema, TimeZone zone) : schema_(schema), zone_(std::move(zone)) {
    for (const data::Field& field : schema.fields) {
      header_.push_back(Shown(field.name));
      widths_.push_back(std::max<size_t>(DisplayWidth(header_.back()), 1));
    }
  }

  void Add(const Batch& batch, std::string& out) override {
    for (size_t row = 0; row < batch.rows; ++row) {
      std::vector<std::string> cells;
      for (const data::ColumnPtr& column : batch.columns) cells.push_back(Cell(*column, row));
      ++rows_;
      if (header_written_) {
        AppendLine(cells, out);
      } else {
        sampled_.push_back(std::move(cells));
        if (sampled_.size() == kSampledRows) WriteSampled(out);
      }
    }
  }

  void Finish(std::string& out) override {
    if (!header_written_) WriteSampled(out);
    out += fmt::format("({} row{})\n", rows_, rows_ == 1 ? "" : "s");
  }

 private:
  std::string Cell(const Column& column, size_t row) const {
    std::string text;
    AppendAsText(column, row, zone_, text);
    if (column.type().kind() == data::TypeKind::kBinary && !column.IsNull(row)) {
      std::string hex;
      for (const char byte : text) hex += fmt::format("{:02X}", static_cast<uint8_t>(byte));
      return hex;
    }
    return Shown(text);
  }

  void WriteSampled(std::string& out) {
    for (const auto& cells : sampled_) {
      for (size_t i = 0; i < cells.size(); ++i)
        widths_[i] = std::max(widths_[i], std::min(DisplayWidth(cells[i]), kCellWidthMax));
    }
    AppendLine(header_, out);
    for (size_t i = 0; i < widths_.size(); ++i) {
      if (i > 0) out += "-+-";
      out.append(widths_[i], '-');
    }
    out.push_back('\n');
    for (const auto& cells : sampled_) AppendLine(cells, out);
    sampled_.clear();
    header_written_ = true;
  }

  void AppendLine(const std::vector<std::string>& cells, std::string& out) const {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) out += " | ";
      const size_t width = DisplayWidth(cells[i]);
      const size_t padding = width < widths_[i] ? widths_[i] - width : 0;
      const bool right = schema_.fields[i].type->is_numeric();
      if (right) out.append(padding, ' ');
      out += cells[i];
      if (!right && i + 1 < cells.size()) out.append(padding, ' ');
    }
    out.push_back('\n');
  }

  Schema schema_;
  TimeZone zone_;
  std::vector<std::string> header_;
  std::vector<size_t> widths_;
  std::vector<std::vector<std::string>> sampled_;
  bool header_written_ = false;
  uint64_t rows_ = 0;
};

class CsvFormatter : public ResultFormatter {
 public:
  CsvFormatter(const Schema& schema, TimeZone zone) : schema_(schema), zone_(std::move(zone)) {}

  void Add(const Batch& batch, std::string& out) override {
    WriteHeader(out);
    std::string text;
    for (size_t row = 0; row < batch.rows; ++row) {
      for (size_t i = 0; i < batch.columns.size(); ++i) {
        if (i > 0) out.push_back(',');
        text.clear();
        AppendAsText(*batch.columns[i], row, zone_, text);
        data::AppendCsvField(text, batch.columns[i]->IsNull(row), ',', out);
      }
      out += "\r\n";
    }
  }
  void Finish(std::string& out) override { WriteHeader(out); }

 private:
  void WriteHeader(std::string& out) {
    if (std::exchange(header_written_, true)) return;
    for (size_t i = 0; i < schema_.fields.size(); ++i) {
      if (i > 0) out.push_back(',');
      data::AppendCsvField(schema_.fields[i].name, false, ',', out);
    }
    out += "\r\n";
  }

  Schema schema_;
  TimeZone zone_;
  bool header_written_ = false;
};

class JsonFormatter : public ResultFormatter {
 public:
  JsonFormatter(const Schema& schema, TimeZone zone)
      : writer_(schema, std::move(zone), {.keep_nulls = true}) {}

  void Add(const Batch& batch, std::string& out) override {
    for (size_t row = 0; row < batch.rows; ++row) {
      writer_.AppendRow(batch, row, out);
      out.push_back('\n');
    }
  }
  void Finish(std::string&) override {}

 private:
  data::JsonWriter writer_;
};

}  // namespace

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const auto [code, size] = FirstCodePoint(text);
    if (!IsIn(kCombining, code)) width += IsIn(kWide, code) ? 2 : 1;
    text.remove_prefix(size);
  }
  return width;
}

std::unique_ptr<ResultFormatter> ResultFormatter::Make(OutputFormat format, const Schema& schema,
                                                       TimeZone zone) {
  switch (format) {
    case OutputFormat::kCsv:
      return std::make_unique<CsvFormatter>(schema, std::move(zone));
    case OutputFormat::kJson:
      return std::make_unique<JsonFormatter>(schema, std::move(zone));
    case OutputFormat::kTable:
      break;
  }
  return std::make_unique<TableFormatter>(schema, std::move(zone));
}

}  // namespace millrace::engine
