//! What a photo service is asked for, in six scenarios: signing in and asking who one is; upload addresses by many accounts, and
//! a hundred at once by one; commits by many, and a hundred at once by one; pages of albums, anywhere in them.
//!
//! They are carried out so that none pays for the one before: what only reads comes before what leaves work behind.
//! Always so many requests are under way, each by another user in turn, and the next one begins when one has ended. What comes
//! between (sending bytes, renewing tokens) is not counted. The photos that were committed are processed meanwhile, as always.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, ensure};
use futures_util::{StreamExt, stream};
use picup_api::wire;
use serde_json::json;
use uuid::Uuid;

use crate::exposed::expose;
use crate::figures::Figures;
use crate::pages::{PAGE_OF_AN_ALBUM, album_pages};
use crate::photo::{photo, wish};
use crate::server::{Served, Server, peak};
use crate::user::{Answer, Door, User};

/// So many files at once by one user: the most that one request may name.
const MANY: u64 = 100;

pub(crate) struct Plan {
    pub(crate) server: String,
    pub(crate) metrics: String,
    pub(crate) pid: u32,
    pub(crate) users: usize,
    /// How often each user does what it does.
    pub(crate) rounds: usize,
    pub(crate) at_once: usize,
    pub(crate) password: String,
    /// Where a Prometheus may ask what requests took.
    pub(crate) expose: Option<SocketAddr>,
}

struct Bench {
    plan: Plan,
    door: Door,
    server: Server,
    users: Vec<User>,
    /// Tells the photos of this run from those of others.
    run: u64,
    /// Of the table.
    lines: RefCell<Vec<String>>,
}

/// An upload whose address is known.
struct Begun {
    user: usize,
    number: u64,
    id: Uuid,
    target: wire::PartTarget,
}

pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    let (door, server) = (Door::new(&plan.server)?, Server::new(plan.pid, &plan.metrics)?);
    if let Some(address) = plan.expose {
        expose(address, door.took.clone()).await?;
    }
    let mut bench =
        Bench { plan, door, server, users: Vec::new(), run: u64::from(std::process::id()), lines: RefCell::default() };
    // What a run before has left.
    bench.rest().await?;
    bench.sign_in().await?;
    bench.me().await?;
    bench.albums().await?;
    let (by_many, by_one) = (bench.addresses().await?, bench.hundred_addresses().await?);
    bench.send(&by_many).await?;
    bench.send(&by_one).await?;
    bench.commits(&by_many).await?;
    bench.rest().await?;
    bench.hundred_commits(&by_one).await?;
    let mut lines = bench.lines.take();
    lines.sort();
    println!(
        "| scenario | requests | at once | mean ms | p50 ms | p99 ms | requests/s | errors | mean ms at the server | PicUp's memory, MB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n{}", lines.join("\n"));
    println!("\nThe client itself took {:.0} MB at most.", peak("self")?);
    Ok(())
}

impl Bench {
    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let (users, at_once) = (self.plan.users, self.plan.at_once);
        let (name, route) = ("1. sign in", "POST");
        let requests = (0..users).map(|user| self.door.send(self.door.sign_in_request(user + 1, &self.plan.password)));
        let answers = self.measure(name, route, at_once, requests).await?;
        for answer in &answers {
            self.users.push(User::of(&self.door, answer)?);
        }
        let requests = (0..users).map(|user| self.door.send(self.door.sign_in_request(user + 1, &self.plan.password)));
        self.measure("1. sign in, all at the same moment", route, users, requests).await?;
        Ok(())
    }

    async fn me(&mut self) -> anyhow::Result<()> {
        let requests = self.turns().map(|user| self.users[user].get("/api/account"));
        self.measure("1. me", "GET", self.plan.at_once, requests).await?;
        Ok(())
    }

    async fn addresses(&mut self) -> anyhow::Result<Vec<Begun>> {
        self.stay().await?;
        let this = &*self;
        let requests = this.turns().enumerate().map(|(number, user)| async move {
            let number = number as u64;
            let answer = this.users[user].post("/api/uploads", &wish(&photo(this.run, number), number)).await;
            (user, number, answer)
        });
        let (name, at_once) = ("2. an upload's address, by many accounts", this.plan.at_once);
        let answers = this.measure_with(name, "POST", at_once, requests, |(_, _, answer)| answer).await?;
        let begun = |(user, number, answer): &(usize, u64, Answer)| match answer.json()? {
            wire::UploadAnswer::Upload { upload, target: Some(target) } => {
                Ok(Begun { user: *user, number: *number, id: upload.id, target })
            }
            other => anyhow::bail!("a new file is none to PicUp: {other:?}"),
        };
        answers.iter().map(begun).collect()
    }

    async fn hundred_addresses(&mut self) -> anyhow::Result<Vec<Begun>> {
        self.stay().await?;
        let this = &*self;
        // Numbers that the scenario before has not used.
        let first = (this.plan.users * this.plan.rounds) as u64;
        let batch = |batch: u64| async move {
            let numbers = first + batch * MANY..first + (batch + 1) * MANY;
            let files: Vec<_> = numbers.clone().map(|number| wish(&photo(this.run, number), number)).collect();
            (numbers, this.users[0].post("/api/uploads/many", &json!({ "files": files })).await)
        };
        let (name, requests) = ("3. 100 uploads' addresses at once, by one", (0..this.batches()).map(batch));
        let answers = this.measure_with(name, "POST", 1, requests, |(_, answer)| answer).await?;
        let mut all = Vec::new();
        for (numbers, answer) in answers {
            let answers: wire::UploadAnswers = answer.json()?;
            for (number, answer) in numbers.zip(answers.answers) {
                let wire::UploadManyAnswer::Upload { upload, target: Some(target) } = answer else {
                    anyhow::bail!("a new file is none to PicUp: {answer:?}");
                };
                all.push(Begun { user: 0, number, id: upload.id, target });
            }
        }
        Ok(all)
    }

    /// Sends the bytes.
    async fn send(&mut self, all: &[Begun]) -> anyhow::Result<()> {
        let put = |begun: &Begun| {
            let (user, target) = (begun.user, begun.target.clone());
            let bytes = photo(self.run, begun.number);
            let users = &self.users;
            async move { users[user].put(&target, bytes).await }
        };
        let all: Vec<_> = stream::iter(all.iter().map(put)).buffer_unordered(self.plan.at_once).collect().await;
        all.into_iter().collect::<anyhow::Result<()>>().context("sending a part")
    }

    async fn commits(&mut self, all: &[Begun]) -> anyhow::Result<()> {
        self.stay().await?;
        let this = &*self;
        let commit = |begun: &Begun| {
            let (user, path) = (begun.user, format!("/api/uploads/{}/complete", begun.id));
            async move { this.users[user].post(&path, &json!({})).await }
        };
        let at_once = this.plan.at_once;
        this.measure("4. a commit, by many accounts", "POST", at_once, all.iter().map(commit)).await?;
        Ok(())
    }

    async fn hundred_commits(&mut self, all: &[Begun]) -> anyhow::Result<()> {
        self.stay().await?;
        let this = &*self;
        let commit = |run: &[Begun]| {
            let uploads: Vec<Uuid> = run.iter().map(|begun| begun.id).collect();
            async move { this.users[0].post("/api/uploads/complete", &json!({ "uploads": uploads })).await }
        };
        let batches = all.chunks(usize::try_from(MANY)?).map(commit);
        for answer in this.measure("5. 100 commits at once, by one", "POST", 1, batches).await? {
            let answers: wire::CompletionAnswers = answer.json()?;
            let done = answers.answers.iter().filter(|it| matches!(it, wire::CompletionAnswer::Completed { .. }));
            ensure!(done.count() == answers.answers.len(), "some were refused: {:?}", answers.answers);
        }
        Ok(())
    }

    async fn albums(&mut self) -> anyhow::Result<()> {
        self.stay().await?;
        let this = &*self;
        let mut pages = Vec::new();
        for (number, user) in this.users.iter().enumerate() {
            pages.push(album_pages(user, this.plan.rounds, number as u64).await?);
        }
        let pages = &pages;
        let turns = (0..this.plan.rounds).flat_map(|round| (0..this.users.len()).map(move |user| (round, user)));
        let requests = turns.map(|(round, user)| this.users[user].get(&pages[user][round]));
        let name = format!("6. {PAGE_OF_AN_ALBUM} assets of an album, anywhere in it");
        this.measure(&name, "GET", this.plan.at_once, requests).await?;
        Ok(())
    }

    /// Each user, again and again.
    fn turns(&self) -> impl Iterator<Item = usize> + use<> {
        let users = self.users.len();
        (0..users * self.plan.rounds).map(move |turn| turn % users)
    }

    fn batches(&self) -> u64 {
        self.plan.rounds as u64 * 5
    }

    async fn stay(&mut self) -> anyhow::Result<()> {
        for user in &mut self.users {
            user.stay().await.context("renewing a session")?;
        }
        Ok(())
    }

    async fn rest(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.server.at_rest().await?;
        eprintln!("photos were still processed for {:.1} s", begun.elapsed().as_secs_f64());
        Ok(())
    }

    async fn measure<R: Future<Output = Answer>>(
        &self,
        name: &str,
        method: &str,
        at_once: usize,
        requests: impl Iterator<Item = R>,
    ) -> anyhow::Result<Vec<Answer>> {
        self.measure_with(name, method, at_once, requests, |answer| answer).await
    }

    /// Makes the requests, keeps their figures, and gives what they gave in the order of the requests.
    async fn measure_with<T, R: Future<Output = T>>(
        &self,
        name: &str,
        method: &str,
        at_once: usize,
        requests: impl Iterator<Item = R>,
        answer: impl Fn(&T) -> &Answer,
    ) -> anyhow::Result<Vec<T>> {
        self.server.forget_peak()?;
        let before = self.server.served(method).await?;
        let begun = Instant::now();
        let numbered = requests.enumerate().map(|(number, request)| async move { (number, request.await) });
        let mut all: Vec<(usize, T)> = stream::iter(numbered).buffer_unordered(at_once).collect().await;
        let wall = begun.elapsed();
        let served = self.server.served(method).await?;
        all.sort_unstable_by_key(|(number, _)| *number);
        let mut figures = Figures::within(wall);
        for (_, one) in &all {
            figures.note(answer(one).status, answer(one).took);
        }
        let line = self.line(name, at_once, &figures, (before, served))?;
        self.lines.borrow_mut().push(line);
        Ok(all.into_iter().map(|(_, one)| one).collect())
    }

    fn line(&self, name: &str, at_once: usize, figures: &Figures, served: (Served, Served)) -> anyhow::Result<String> {
        let line = format!(
            "| {name} | {} | {at_once} | {:.1} | {:.1} | {:.1} | {:.0} | {} | {:.1} | {:.0} |",
            figures.answered(),
            figures.mean(),
            figures.percentile(50),
            figures.percentile(99),
            figures.per_second(),
            figures.errors(),
            served.1.mean_since(served.0),
            self.server.peak()?,
        );
        eprintln!("{line}");
        Ok(line)
    }
}
