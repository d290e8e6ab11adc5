//! Who PicUp is to a bucket's service where no access key is named: what Kubernetes tells a pod in the environment, by the names that
//! Amazon's SDKs know. Where it tells nothing, the machine is asked.

use std::path::PathBuf;

use anyhow::{Context, bail};
use picup_storage::Credentials;
use reqwest::Url;

const WEB_TOKEN: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const WEB_ROLE: &str = "AWS_ROLE_ARN";
const AGENT: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const AGENT_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Where Amazon's agents are asked without encryption: on the machine itself, which is as near as loopback.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Who the environment says that PicUp is.
///
/// # Errors
/// When it says only half of it, or names an agent that would be asked over an open network.
#[allow(clippy::disallowed_methods, reason = "Kubernetes tells a pod its role by the environment alone")]
pub(super) fn role() -> anyhow::Result<Credentials> {
    role_told(|name| std::env::var(name).ok())
}

fn role_told(told: impl Fn(&str) -> Option<String>) -> anyhow::Result<Credentials> {
    let told = |name| told(name).filter(|value| !value.is_empty());
    if let Some(token_file) = told(WEB_TOKEN) {
        let role = told(WEB_ROLE).with_context(|| format!("{WEB_TOKEN} is set, and {WEB_ROLE} is not"))?;
        return Ok(Credentials::WebIdentity { token_file: PathBuf::from(token_file), role });
    }
    let Some(address) = told(AGENT) else { return Ok(Credentials::Machine) };
    let token_file = told(AGENT_TOKEN).with_context(|| format!("{AGENT} is set, and {AGENT_TOKEN} is not"))?;
    let url = Url::parse(&address).with_context(|| format!("{AGENT} is no address"))?;
    let host = url.host_str().unwrap_or_default();
    let near = AGENTS.contains(&host) || matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    if url.scheme() != "https" && !(url.scheme() == "http" && near) {
        bail!("{AGENT} has to be https, or the address of an agent on this machine: keys would cross an open network");
    }
    Ok(Credentials::Container { address, token_file: PathBuf::from(token_file) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &[(&str, &str)]) -> Result<Credentials, String> {
        let told =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        role_told(told).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_pod_is_who_its_environment_says() {
        let token_file = PathBuf::from("/token");
        let web = Credentials::WebIdentity { token_file: token_file.clone(), role: "arn".to_owned() };
        assert_eq!(of(&[(WEB_TOKEN, "/token"), (WEB_ROLE, "arn")]), Ok(web.clone()));
        for address in [
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:8080/",
            "https://agent.example.org/",
        ] {
            let agent = Credentials::Container { address: address.to_owned(), token_file: token_file.clone() };
            assert_eq!(of(&[(AGENT, address), (AGENT_TOKEN, "/token")]), Ok(agent));
        }
        // In the order of Amazon's SDKs.
        let both = [(AGENT, "https://a.b"), (AGENT_TOKEN, "/b"), (WEB_TOKEN, "/token"), (WEB_ROLE, "arn")];
        assert_eq!(of(&both), Ok(web));
    }

    #[test]
    fn without_a_word_the_machine_is_asked() {
        for environment in [&[][..], &[(WEB_ROLE, "arn")], &[(WEB_TOKEN, ""), (AGENT, "")]] {
            assert_eq!(of(environment), Ok(Credentials::Machine));
        }
    }

    #[test]
    fn half_of_it_is_told() {
        for (environment, says) in [
            (&[(WEB_TOKEN, "/token")][..], "AWS_ROLE_ARN is not"),
            (&[(AGENT, "http://127.0.0.1/")], "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not"),
            (&[(AGENT, "agent"), (AGENT_TOKEN, "/token")], "is no address"),
            (&[(AGENT, "http://agent.example.org/"), (AGENT_TOKEN, "/token")], "has to be https"),
            (&[(AGENT, "ftp://127.0.0.1/"), (AGENT_TOKEN, "/token")], "has to be https"),
        ] {
            let said = of(environment).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }
}
