#include "schedule/try_log.h"

namespace millrace::schedule {

void BufferedTryLog::Write(LogLevel level, std::string_view text) {
  constexpr std::string_view kCut = " [cut]";
  bool is_first = false;
  {
    std::lock_guard lock(mutex_);
    const size_t size = std::min(text.size(), kLineBytesMax);
    if (count_ >= kLinesMax || bytes_ + size > kBytesMax) {
      ++dropped_;
      return;
    }
    is_first = lines_.empty();
    std::string kept(text.substr(0, size));
    if (size < text.size()) kept += kCut;
    bytes_ += kept.size();
    lines_.push_back({++count_, clock_.Now(), level, std::move(kept)});
  }
  if (is_first && on_first_) on_first_();
}

std::vector<LogLine> BufferedTryLog::Take(bool last) {
  std::lock_guard lock(mutex_);
  if (last && dropped_ > 0) {
    lines_.push_back({++count_, clock_.Now(), LogLevel::kWarning,
                      fmt::format("{} lines were dropped: a try keeps {} lines or {} bytes",
                                  dropped_, kLinesMax, kBytesMax)});
    dropped_ = 0;
  }
  return std::exchange(lines_, {});
}

}  // namespace millrace::schedule
