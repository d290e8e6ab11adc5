//! The service of a bucket on a command line, by the words that the configuration has for it.

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct ServiceArgs {
    /// The address of the S3 service; without it, Amazon's
    #[arg(long, value_name = "URL")]
    pub(super) endpoint: Option<String>,
    /// Whose service it is, as `provider` in the configuration
    #[arg(long, value_name = "NAME")]
    pub(super) provider: Option<String>,
    /// The region of the bucket
    #[arg(long, value_name = "NAME")]
    pub(super) region: Option<String>,
    /// `path` or `virtual-host`
    #[arg(long, value_name = "STYLE")]
    pub(super) style: Option<String>,
}
