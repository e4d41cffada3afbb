#include "extract/extractor.h"

#include <algorithm>
#include <future>
#include <limits>
#include <memory>
#include <system_error>

#include "base/hash.h"
#include "extract/fetcher.h"
#include "extract/page.h"

namespace millrace::extract {
namespace {

constexpr std::chrono::milliseconds kDiskWait(500);
constexpr int64_t kPagesLogged = 20;  // each of the first, then one in a hundred
constexpr std::string_view kRequestHeader = "millrace.request";

// One try from its begin to its commit. One thread, plus the one that fetches ahead.
class Try {
 public:
  Try(const HttpSource& source, const ExtractContext& context, const ExtractServices& services)
      : source_(source),
        context_(context),
        services_(services),
        owner_(TransactionOwner(context.dag, context.task, context.logical_date)),
        cursor_key_(CursorKey(context.dag, context.task)),
        reader_(source) {
    if (context.cancel != nullptr) watch_.emplace(*context.cancel, [this] { cancel_.Cancel(); });
  }
  ~Try() {
    cancel_.Cancel();  // a page that is still being fetched is wanted no more
    if (ahead_.valid()) ahead_.wait();
  }

  Result<ExtractReport> Run() {
    MR_ASSIGN(const auto last, services_.writer.LastCommitted(owner_));
    if (last && last->sequence >= context_.generation.value) {
      report_.already_committed = true;
      Log("generation {} is already committed: nothing to do", context_.generation);
      return report_;
    }
    MR_TRY(Begin());
    MR_TRY(Prepare());
    MR_TRY(ReadPages());
    MR_TRY(Finish());
    report_.requests = fetcher_->requests();
    if (keeps_cursor() && after_.value) report_.cursor = after_.value->text;
    Log("committed {} records of {} pages ({} bytes, {} requests)", report_.records, report_.pages,
        report_.bytes, report_.requests);
    return report_;
  }

 private:
  template <typename... Args>
  void Log(fmt::format_string<Args...> format, Args&&... args) {
    if (context_.log) context_.log(fmt::format(format, std::forward<Args>(args)...));
  }

  bool in_parts() const {
    return source_.spec.commit_every_pages > 0 || source_.spec.commit_every_bytes > 0;
  }
  // A single request whose answer can be asked for conditionally. Where there are more pages, an
  // unchanged first one says nothing of the others.
  bool conditional() const {
    return source_.spec.conditional && source_.spec.paginate.kind == PageKind::kNone &&
           !context_.is_backfill;
  }
  bool keeps_cursor() const {
    return !context_.is_backfill && (source_.cursor.has_value() || conditional());
  }
  std::string PartsOwner() const { return owner_ + std::string(kPartsOwnerSuffix); }
  flow::Transaction& transaction() { return part_ ? *part_ : *whole_; }

  // Opens the transactions first: that ends those of an older try, so what is read after it is
  // final.
  Status Begin() {
    MR_ASSIGN(whole_, services_.writer.Begin(owner_));
    if (in_parts()) MR_TRY(BeginPart());
    return {};
  }

  Status BeginPart() {
    const std::string owner = PartsOwner();
    MR_ASSIGN(part_, services_.writer.Begin(owner));
    MR_ASSIGN(const auto last, services_.writer.LastCommitted(owner));
    part_sequence_ = last ? last->sequence + 1 : 1;
    return {};
  }

  Status Prepare() {
    if (keeps_cursor()) {
      MR_TRY(LeaseCursor());
      MR_ASSIGN(auto kept, services_.cursors.Get(cursor_key_));
      if (kept) before_ = std::move(*kept);
    }
    after_ = before_;
    values_ = {.logical_date = context_.logical_date,
               .data_interval_start = context_.interval_start,
               .data_interval_end = context_.interval_end,
               .cursor = before_.value ? before_.value->text : source_.spec.cursor.initial,
               .dag_id = context_.dag,
               .run_id = context_.run,
               .task_id = context_.task,
               .try_number = std::to_string(context_.try_number),
               .params = context_.params};
    MR_ASSIGN(io::HttpUrl url,
              io::ParseHttpUrl(source_.url.Render(values_, Template::Encoding::kUrl)));
    for (const auto& [name, value] : source_.query) SetParameter(url, name, value.Render(values_));
    const auto duration = source_.spec.limits.duration;
    const int64_t end_ns = duration.count() == 0 ? std::numeric_limits<int64_t>::max()
                                                 : services_.clock.MonotonicNs() +
                                                       std::chrono::nanoseconds(duration).count();
    fetcher_ = std::make_unique<Fetcher>(source_, context_, services_, values_, url.Origin(),
                                         end_ns, cancel_);
    pager_ = std::make_unique<Pager>(source_, std::move(url));
    return {};
  }

  // Two runs that start from one cursor would fetch the same records. Validators need no lease: the
  // worst that two writers of them do is one more unconditional answer.
  Status LeaseCursor() {
    if (!source_.cursor) return {};
    MR_ASSIGN(auto lease, services_.cursors.Acquire(cursor_key_));
    lease_.emplace(std::move(lease));
    return {};
  }

  Status ReadPages() {
    MR_ASSIGN(ExtractedPage page,
              FetchPage({.url = pager_->first(), .number = 1, .conditions = Conditions()}));
    KeepValidators(page);
    report_.not_modified = page.not_modified;
    for (;;) {
      ++report_.pages;
      report_.bytes += page.reply.body_bytes;
      MR_TRY(CheckBytes());
      MR_ASSIGN(const auto next, pager_->Next(page));
      MR_ASSIGN(const bool go_on, WithinLimits(page, next.has_value()));
      if (go_on) FetchAhead({.url = *next, .number = report_.pages + 1});
      MR_TRY(Append(page));
      if (!go_on) return {};
      if (PartIsFull()) {
        MR_TRY(CommitPart());
        MR_TRY(BeginPart());
      }
      MR_ASSIGN(page, TakeAhead());
    }
  }

  Result<ExtractedPage> FetchPage(PageRequest request) {
    ExtractedPage page;
    MR_TRY(fetcher_->Fetch(request, [&](io::HttpReply& reply) -> Status {
      MR_ASSIGN(page, reader_.Read(std::move(reply)));
      return {};
    }));
    if (request.number <= kPagesLogged || request.number % 100 == 0)
      Log("page {}: {} records, {} bytes", request.number, page.records.size(),
          page.reply.body_bytes);
    return page;
  }

  void FetchAhead(PageRequest request) {
    try {
      ahead_ = std::async(std::launch::async, [this, request] { return FetchPage(request); });
    } catch (const std::system_error&) {  // no thread to be had: fetched when it is asked for
      ahead_ = std::async(std::launch::deferred, [this, request] { return FetchPage(request); });
    }
  }
  Result<ExtractedPage> TakeAhead() { return ahead_.get(); }

  uint64_t RequestHash() const {
    return Hash64(pager_->first().ToString() + "\n" + source_.body.Render(values_));
  }

  std::vector<io::HttpHeader> Conditions() const {
    std::vector<io::HttpHeader> conditions;
    if (!conditional() || before_.url_hash != RequestHash()) return conditions;
    if (!before_.etag.empty()) conditions.push_back({"If-None-Match", before_.etag});
    if (!before_.last_modified.empty())
      conditions.push_back({"If-Modified-Since", before_.last_modified});
    return conditions;
  }

  void KeepValidators(const ExtractedPage& page) {
    if (!conditional() || page.not_modified) return;
    const std::string* etag = io::FindHeader(page.reply.headers, "ETag");
    const std::string* modified = io::FindHeader(page.reply.headers, "Last-Modified");
    after_.etag = etag != nullptr ? *etag : "";
    after_.last_modified = modified != nullptr ? *modified : "";
    after_.url_hash = RequestHash();
  }

  Status CheckBytes() const {
    if (report_.bytes <= source_.spec.limits.bytes) return {};
    return Fail(ErrorCode::kResourceExhausted, "{} bytes in {} pages: above limits.bytes",
                report_.bytes, report_.pages);
  }

  bool StopsAtLimit() const {
    const OnLimit on_limit = source_.spec.limits.on_limit;
    if (on_limit == OnLimit::kAuto) return source_.cursor && source_.spec.cursor.ordered;
    return on_limit == OnLimit::kStop;
  }

  // False when `page` is the last to be read. All of its records are kept.
  Result<bool> WithinLimits(const ExtractedPage& page, bool has_next) {
    const LimitsSpec& limits = source_.spec.limits;
    const int64_t records = report_.records + static_cast<int64_t>(page.records.size());
    const bool no_page_left = has_next && report_.pages >= limits.pages;
    if (!StopsAtLimit() && (no_page_left || records > limits.records))
      return OverLimit("there is more than limits.pages or limits.records allow",
                       "raise limits; on_limit: stop commits what came and warns");
    const bool stops = no_page_left || (has_next && records >= limits.records);
    if (!StopsAtLimit() || !stops) return has_next;
    if (source_.cursor && !context_.is_backfill && !source_.spec.cursor.ordered)
      return OverLimit("moving the cursor would skip what was not read",
                       "raise limits, or declare cursor.ordered");
    report_.limit_reached = true;
    report_.warning =
        fmt::format("stopped at limits ({}) after {} pages and {} records: the API has more, {}",
                    report_.pages >= limits.pages ? "pages" : "records", report_.pages, records,
                    keeps_cursor() && source_.cursor ? "the next run goes on from the cursor"
                                                     : "which this run has not read");
    return false;
  }

  std::unexpected<Error> OverLimit(std::string_view what, std::string_view hint) const {
    const LimitsSpec& limits = source_.spec.limits;
    auto over =
        Fail(ErrorCode::kResourceExhausted, "limits reached on page {} ({} pages, {} records): {}",
             report_.pages, limits.pages, limits.records, what);
    over.error().hint = hint;
    return over;
  }

  Status Append(const ExtractedPage& page) {
    const flow::Header place{std::string(kRequestHeader),
                             fmt::format("{}/{}/{}/{}/{}", context_.dag, context_.task,
                                         context_.run, context_.try_number, report_.pages)};
    for (const ExtractedRecord& record : page.records) {
      MR_TRY(AppendWaiting(source_.spec.topic, [&] {
        return flow::OutRecord{record.key, std::string(record.raw), {place}};
      }));
      if (source_.key && !record.key) ++report_.records_without_key;
    }
    report_.records += static_cast<int64_t>(page.records.size());
    part_bytes_ += page.reply.body_bytes;
    ++part_pages_;
    return MoveCursor(page);
  }

  // A full disk makes extraction wait; nothing is dropped.
  template <typename MakeRecord>
  Status AppendWaiting(const std::string& topic, const MakeRecord& make) {
    for (bool said = false;; said = true) {
      Status appended = transaction().Append(topic, std::nullopt, make());
      if (appended || appended.error().code != ErrorCode::kResourceExhausted) return appended;
      if (!said) Log("waiting: {}", appended.error().message);
      MR_TRY(WaitFor(services_.clock, &cancel_, kDiskWait, "waiting for disk space"));
    }
  }

  Status MoveCursor(const ExtractedPage& page) {
    if (!page.cursor) return {};
    if (source_.spec.cursor.ordered && moved_) {
      MR_ASSIGN(const bool back, IsAfter(*after_.value, *page.first_cursor));
      if (back)
        return Fail(
            ErrorCode::kInvalidArgument,
            "cursor goes back from '{}' to '{}' between pages: cursor.ordered does not hold",
            after_.value->text, page.first_cursor->text);
    }
    moved_ = true;
    bool after = !after_.value;
    if (!after) {
      MR_ASSIGN(after, IsAfter(*page.cursor, *after_.value));
    }
    if (after) after_.value = page.cursor;
    return {};
  }

  bool PartIsFull() const {
    const HttpSourceSpec& spec = source_.spec;
    return in_parts() && ((spec.commit_every_pages > 0 && part_pages_ >= spec.commit_every_pages) ||
                          (spec.commit_every_bytes > 0 && part_bytes_ >= spec.commit_every_bytes));
  }

  Status AppendCursor() {
    if (!keeps_cursor()) return {};
    after_.run_id = before_.run_id;
    if (after_ == before_) return {};
    after_.run_id = context_.run;
    return AppendWaiting(std::string(kCursorTopic),
                         [&] { return EncodeCursor(cursor_key_, after_); });
  }

  std::string Detail() const {
    return fmt::format("run={} try={} pages={} records={}", context_.run, context_.try_number,
                       report_.pages, report_.records);
  }

  Status CommitPart() {
    MR_TRY(AppendCursor());
    MR_TRY(cancel_.Check("extraction"));
    MR_TRY(part_->Commit({PartsOwner(), part_sequence_, Detail()}));
    before_ = after_;
    part_.reset();
    part_pages_ = 0;
    part_bytes_ = 0;
    ++report_.commits;
    Log("committed up to cursor '{}'", after_.value ? after_.value->text : "");
    return {};
  }

  Status Finish() {
    if (part_) {
      MR_TRY(CommitPart());
    } else {
      MR_TRY(AppendCursor());
      MR_TRY(cancel_.Check("extraction"));
    }
    MR_TRY(whole_->Commit({owner_, context_.generation.value, Detail()}));
    ++report_.commits;
    return {};
  }

  const HttpSource& source_;
  const ExtractContext& context_;
  const ExtractServices& services_;
  const std::string owner_;
  const std::string cursor_key_;
  CancelToken cancel_;  // of this try: the caller's, or the try's own end
  std::optional<CancelToken::Watch> watch_;
  ExtractReport report_;
  TemplateValues values_;
  std::optional<CursorStore::Lease> lease_;
  Cursor before_;  // as committed
  Cursor after_;
  bool moved_ = false;
  PageReader reader_;  // used by the thread that fetches
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<Pager> pager_;
  std::unique_ptr<flow::Transaction> whole_;  // decides the task instance
  std::unique_ptr<flow::Transaction> part_;   // commit_every only
  int64_t part_sequence_ = 0;
  int64_t part_pages_ = 0;
  uint64_t part_bytes_ = 0;
  std::future<Result<ExtractedPage>> ahead_;
};

}  // namespace

std::string TransactionOwner(std::string_view dag, std::string_view task,
                             TimestampUs logical_date) {
  return fmt::format("dag/{}/{}/{}", dag, task, FormatInstant(logical_date));
}

Result<ExtractReport> Extract(const HttpSource& source, const ExtractContext& context,
                              const ExtractServices& services) {
  return Try(source, context, services).Run();
}

}  // namespace millrace::extract
