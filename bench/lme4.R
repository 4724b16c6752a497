# Variance components by lme4's REML, of a csv with the columns item, persona, score.
# Usage: Rscript lme4.R RATINGS.csv
suppressPackageStartupMessages(library(lme4))
data <- read.csv(commandArgs(trailingOnly = TRUE)[1])
data <- data[!is.na(data$score), ]
fit <- lmer(score ~ 1 + (1 | item) + (1 | persona) + (1 | item:persona), data = data)
parts <- as.data.frame(VarCorr(fit))
for (row in seq_len(nrow(parts))) cat(parts$grp[row], sprintf("%.9f", parts$vcov[row]), "\n")
