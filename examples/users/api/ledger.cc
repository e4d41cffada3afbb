#include "ledger.h"

#include <algorithm>

#include <unistd.h>

namespace millrace::users {
namespace {

constexpr size_t kReadBytes = 1 << 20;

// Counts the whole lines of a file and finds where they end.
Result<std::pair<uint64_t, uint64_t>> CountLines(const io::ReadableFile& file, uint64_t size) {
  uint64_t lines = 0;
  uint64_t end = 0;
  std::string piece(kReadBytes, '\0');
  for (uint64_t at = 0; at < size;) {
    MR_ASSIGN(const size_t got, file.ReadAt(at, piece.size(), piece.data()));
    if (got == 0) break;
    for (size_t i = 0; i < got; ++i) {
      if (piece[i] != '\n') continue;
      ++lines;
      end = at + i + 1;
    }
    at += got;
  }
  return std::pair(lines, end);
}

void AppendText(std::string& line, std::string_view name, std::string_view value) {
  line += fmt::format(R"(,"{}":")", name);
  AppendJsonEscaped(line, value);
  line += '"';
}

void AppendCaller(std::string& line, const io::HttpRequest& request) {
  constexpr std::pair<std::string_view, std::string_view> kCaller[] = {
      {"dag", "X-Millrace-Dag"},
      {"run", "X-Millrace-Run"},
      {"task", "X-Millrace-Task"},
      {"try", "X-Millrace-Try"},
      {"generation", "X-Millrace-Generation"},
      {"page_header", "X-Millrace-Page"}};
  for (const auto& [name, header] : kCaller) {
    const std::string* value = io::FindHeader(request.headers, header);
    AppendText(line, name, value != nullptr ? *value : std::string_view());
  }
}

void AppendSpec(std::string& line, const PageSpec& spec) {
  AppendText(line, "seed", spec.seed);
  line += fmt::format(R"(,"page":{},"results":{},"inc":{})", spec.page, spec.results, spec.fields);
  AppendText(line, "nat", spec.nationalities);
  line += fmt::format(
      R"(,"registered_base_ms":{},"registered_step_ms":{},"malformed":{},"duplicate":{})",
      spec.registered_base_ms, spec.registered_step_ms, spec.malformed, spec.duplicate);
}

void AppendRecords(std::string& line, const Page& page) {
  line += fmt::format(R"(,"bytes":{},"records":[)", page.body.size());
  line.reserve(line.size() + page.records.size() * 72);
  for (const RecordFact& record : page.records) {
    char uuid[36];
    record.uuid.Print(uuid);
    if (line.back() != '[') line += ',';
    line += R"([")";
    line.append(uuid, sizeof(uuid));
    fmt::format_to(std::back_inserter(line), R"(","{:016x}","{}"])", record.hash,
                   DefectName(record.defect));
  }
  line += ']';
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::Open(const std::string& path, bool sync) {
  io::FileSystem& fs = io::PosixFileSystem();
  const bool temporary = path.empty();
  const std::string name =
      temporary ? fmt::format("/tmp/millrace-users-api-{}.ledger", getpid()) : path;
  std::unique_ptr<Ledger> ledger(new Ledger);
  ledger->sync_ = sync;
  MR_ASSIGN(ledger->file_, fs.OpenForWrite(name, temporary ? io::OpenMode::kTruncate
                                                           : io::OpenMode::kCreateOrAppend));
  MR_ASSIGN(ledger->reader_, fs.OpenForRead(name));
  if (temporary) MR_TRY(fs.RemoveFile(name));
  MR_ASSIGN(const auto whole, CountLines(*ledger->reader_, ledger->file_->size()));
  ledger->lines_ = whole.first;
  if (whole.second < ledger->file_->size()) MR_TRY(ledger->file_->Truncate(whole.second));
  if (sync && !temporary) MR_TRY(fs.SyncFolder(io::FolderOf(name)));
  return ledger;
}

Status Ledger::Append(const LedgerEntry& entry, const io::HttpRequest& request) {
  std::string line;
  AppendCaller(line, request);
  line += fmt::format(R"(,"status":{})", entry.status);
  AppendText(line, "outcome", entry.outcome);
  if (entry.spec != nullptr) AppendSpec(line, *entry.spec);
  if (entry.page != nullptr) AppendRecords(line, *entry.page);
  line += "}\n";
  std::lock_guard lock(mutex_);
  line.insert(0, fmt::format(R"({{"n":{},"at_ms":{})", lines_, entry.at_ms));
  MR_TRY(file_->Append(line));
  if (sync_) MR_TRY(file_->Sync());
  ++lines_;
  return {};
}

Status Ledger::CopyTo(io::ResponseStream& to) {
  uint64_t size = 0;
  {
    std::lock_guard lock(mutex_);
    size = file_->size();
  }
  std::string piece(kReadBytes, '\0');
  for (uint64_t at = 0; at < size;) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(piece.size(), size - at));
    MR_ASSIGN(const size_t got, reader_->ReadAt(at, wanted, piece.data()));
    if (got == 0) return Fail(ErrorCode::kIo, "the ledger ends at byte {} of {}", at, size);
    MR_TRY(to.Write(std::string_view(piece).substr(0, got)));
    at += got;
  }
  return {};
}

uint64_t Ledger::lines() const {
  std::lock_guard lock(mutex_);
  return lines_;
}

}  // namespace millrace::users
