# ruff: noqa: E501  # sentences stand as they are printed
"""Files that load, and files that do not, with the sentences botkit says about them."""

from __future__ import annotations

__all__ = ["INVALID", "VALID"]

VALID: dict[str, str] = {
    "empty": "",
    "comment only": "# nothing yet\n",
    "empty sections": "bots:\nchannels:\nsettings:\n",
    "version": "version: 1\n",
    "models": """
        models:
          default: openai/gpt-5-mini
          smart:
            model: anthropic/claude-sonnet-4-6
            api_base: https://models.example.com/v1
            api_key: {secret: ANTHROPIC_KEY}
            temperature: 0.2
            max_output_tokens: 4096
            timeout_s: 60
            fallbacks: [default, demo/offline]
            params: {top_p: 0.9, stop: [END], nested: {a: [1, null, true]}}
            price: {input_per_million: 3, output_per_million: 15.0, cached_input_per_million: 0.3}
        """,
    "models that climb, keep and fit": """
        models:
          fast: {model: a/b, escalate: strong}
          careful:
            model: a/b
            temperature: 0
            escalate: {to: strong, on: [invalid, unsure], confidence: 0.8, tool_failures: 3, most: 5}
            cache: {ttl_s: 60, share: workspace, most: 10}
            prompt_cache: false
            price: {input_per_million: 1, output_per_million: 2, cached_input_per_million: 0.1, cache_write_per_million: 1.25}
        bots:
          desk: {model: standard, output: {schema: {type: object, properties: {reply: {type: string}}}, say: reply, repairs: 0}}
        """,
    "models that see, hear and speak": """
        models:
          eyes: {model: openai/gpt-4o, reads: [image, audio, document]}
          blind: {model: openai/gpt-4o, reads: []}
          one: {model: openai/gpt-4o, reads: image}
          ears: {model: openai/whisper-1, price: {per_second: 0.0001}}
          mouth: {model: openai/tts-1, price: {per_million_characters: 15}}
        bots: {a: {voice: when_spoken_to}, b: {voice: always}, c: {voice: never}}
        settings:
          speech:
            {transcription: ears, synthesis: mouth, voice: coral, language: de, native: false, longest_s: 300,
             longest_chars: 900, timeout_s: 30}
        """,
    "servers": """
        servers:
          notes: {run: workspace/servers/notes.py, env: {A: b}, description: Notes}
          time:
            command: uvx
            args: [mcp-server-time]
            cwd: workspace
            env: {KEY: {secret: TIME_KEY}, ZONE: UTC, N: 3}
            timeout_s: 5
            stop_when_idle_s: 300
            limits: {memory_mb: 512, cpu_s: 60, result_bytes: 4096, parallel_calls: 2}
            inject: [{secret: A}, {secret: E, env: E_KEY}]
          far:
            url: "https://mcp.example.com/mcp"
            headers: {X-Key: {secret: FAR}}
            transport: sse
            inject:
              - {secret: A}
              - {secret: B, header: X-Api-Key}
              - {secret: C, query: key}
              - {secret: D, bearer: true}
              - {secret: F, as: named}
              - {secret: G, body: true}
          here: {url: "http://localhost:8000"}
        """,
    "room in the prompt": """
        workspaces: {desk: {tools_mode: auto}}
        bots:
          helper:
            workspace: desk
            tools_mode: search
            context: {max_tokens: 20000, tool_definitions: 0.2, memory: 0, summary: 0.1, tool_results: 0.5}
        """,
    "knowledge": """
        knowledge:
          shop: {paths: docs, description: What customers ask, file_limit_bytes: 1000000}
          staff: {paths: [staff/*.md, handbook.pdf], enabled: false}
          board: {paths: board, bots: helper, roles: [admin, member], embedding: meaning, min_similarity: 0.4}
        models: {meaning: {model: openai/text-embedding-3-small}}
        workspaces: {desk: {knowledge: [shop, staff]}, office: {knowledge: "*"}}
        bots: {helper: {workspace: desk, memory: true}}
        settings:
          knowledge: {embedding: openai/text-embedding-3-large, read_timeout_s: 20}
          memory: {redact: [email, phone]}
          retention: {notes_days: 365}
        """,
    "pasted": """
        servers:
          mcpServers: {"github": {"command": "npx", "args": ["-y", "server"], "env": {"A": "x"}, "type": "stdio"}}
        """,
    "workspaces": """
        servers: {orders: {command: orders}, notes: {command: notes}}
        workspaces:
          default: {servers: "*"}
          desk:
            name: Order desk
            description: What customers may reach.
            servers: [orders]
            tools:
              orders__get_*: {class: read-only}
              orders__refund: {class: destructive, approve: true, approvers: [admin, ada], roles: [member], timeout_s: 9}
              notes__*: {enabled: false, idempotent: true}
            roles: {guest: {allow: [orders__get_*], deny: orders__get_margin}}
            rate_limits: {per_minute: 300, per_token_per_minute: 60}
        people: {ada: {}}
        """,
    "bots": """
        models: {fast: a/b}
        bots:
          plain: {}
          empty:
          full:
            name: Helper
            description: Helps.
            enabled: true
            model: fast
            workspace: default
            prompt: |
              Refunds up to ${{amount}}.
            welcome: Hello!
            fallback: Sorry.
            max_iterations: ${SET:-5}
            max_output_tokens: 100
            timeout_s: 300
            history_messages: 0
            session_ttl_hours: 0.5
            max_turn_cost: 20 USD
            temperature: 0
            tools: {allow: ["*"], deny: []}
            busy: merge
            while_waiting: notice
            stream: false
            locale: de-CH
            commands: {refund: Start a refund for the last order., order_2: Look up.}
        """,
    "channels": """
        bots: {a: {}, b: {}}
        people: {ada: {}}
        channels:
          tg:
            platform: telegram
            bot: a
            dm_policy: allowlist
            allow: [123, "-5", ada]
            token: {secret: TELEGRAM_TOKEN}
            webhook_secret: {secret: HOOK}
            mode: webhook
            enabled: auto
            api_base: http://127.0.0.1:8081
            groups: {policy: mention, allow: [-100], names: [robo]}
            rooms:
              -100: {bot: b, prompt_append: Be brief., policy: all, busy: interrupt, names: [x], stream: false}
            on_unknown_send: resend
            history_messages: 3
            locale: fr
          dc: {platform: discord, bot: a, dm_policy: pairing, token: {secret: D}, application_id: 99}
          sl:
            {platform: slack, bot: a, dm_policy: open, bot_token: {secret: S}, app_token: {secret: S2}}
          sle:
            platform: slack
            bot: a
            dm_policy: open
            mode: events
            bot_token: {secret: S3}
            signing_secret: {secret: S4}
          wa:
            platform: whatsapp
            bot: a
            dm_policy: open
            phone_number_id: 1234
            access_token: {secret: W1}
            verify_token: {secret: W2}
            app_secret: {secret: W3}
          wt:
            platform: whatsapp
            provider: twilio
            bot: a
            dm_policy: open
            account_sid: AC00000000000000000000000000000000
            auth_token: {secret: W4}
            number: "+15551230000"
          own: {platform: custom, bot: b, secret: {secret: OWN}, timeout_s: 10}
          shop:
            platform: web
            bot: a
            allowed_origins: [https://www.example.com, "http://localhost:8000"]
            title: Help desk
            greeting: "Ask **anything**."
            colour: "#0a7c5a"
            position: left
            theme: dark
            language: de
            privacy_url: https://www.example.com/privacy
            identity_secret: {secret: SHOP_IDENTITY}
            anonymous: false
            upload_limit_mb: 5
            feedback: false
            messages_per_minute: 30
            visitor_days: 30
        """,
    "teams": """
        bots: {sales: {}, support: {}}
        teams:
          desk:
            members: [{bot: sales, examples: [How much?]}, {bot: support, description: Broken things.}]
            default: support
            router: {model: a/b, prompt: Be quick., min_confidence: 0.7}
            sticky: false
            max_hops: 2
        channels: {t: {platform: telegram, bot: desk, dm_policy: open, token: {secret: T}}}
        """,
    "workflows": """
        bots: {a: {workflow: inline}}
        workflows:
          short:
            description: Refunds.
            inputs: {order: string}
            variables: {tries: 0}
            reply: "Done with {{ input.order }}."
            steps:
              - send_message: {text: Hello}
              - end
          inline:
            nodes: [{id: start, type: trigger}, {id: say, type: send_message, data: {text: "{{message.text}}"}}]
            edges: [{source: start, target: say, sourceHandle: ok}]
            max_nodes: 10
            timeout_s: 60
            workspace: default
        """,
    "ingress": """
        functions: {sum: {run: workspace/functions/sum.py, env: {A: 1}, secrets: [K], bindings: [db, cache]}}
        skills:
          tone: {prompt: Write kindly., tags: [style]}
          count: {function: sum, input_schema: {type: object}}
          far: {url: "https://a.example/skill", inject: [{secret: K}]}
        people: {ada: {}}
        bots: {a: {}}
        webhooks:
          issues:
            source: github
            events: [issues.opened]
            signing_secret: {secret: GH}
            instructions: Say thanks.
            owner: ada
        endpoints:
          extract:
            prompt: Extract the total.
            output_format: json
            output_schema: {type: object, properties: {total: {type: number}}}
            stream: true
            price: 0.05
        schedules:
          morning: {cron: "0 9 * * mon-fri", timezone: Europe/Berlin, bot: a, message: Summarise., missed: skip}
          nightly: {cron: "*/5,30 2 1 1 0", function: sum, inputs: {n: 1}}
        """,
    "people and money": """
        settings:
          currency: EUR
          roles: {auditor: {classes: read-only, tools: {allow: []}}}
        people:
          ada: {name: Ada, roles: admin, identities: {sandbox: ada, telegram: [1, 2]}, timezone: UTC, locale: en}
          bob: {roles: [member, auditor]}
        bots: {a: {max_turn_cost: {amount: 1.000001, currency: EUR}, spending_cap: 50 EUR}}
        teams: {both: {members: [{bot: a}], default: a}}
        budgets:
          all: {bots: "*", spend: 20 EUR, per: day, warn_at: 0.5}
          everything: {spend: 100 EUR, per: lifetime}
          narrow: {teams: both, channels: "*", workspaces: default, people: [ada], tokens: 5, per: week}
          guests: {roles: [guest], tool_calls: 10, tokens: 1000, per: hour, shared: true}
        """,
    "settings": """
        settings:
          sessions: {scope: person, ttl_hours: 12, window_messages: 40}
          approvals: {approvers: [admin], timeout_s: 60}
          retention: {messages_days: 30, runs_days: null, logs_days: 7, files_days: 1}
          history_limit: 1000
          synchronous: normal
          stale_after_s: 60
          reload: auto
          max_parallel_turns: 4
          max_parallel_model_calls: ${SET}
          drain_s: 0
          locale: pt-BR
          timezone: America/Sao_Paulo
          log_level: debug
          bot_to_bot_limit: 0
          file_limit_bytes: 0
          http: {allow_private: [tickets.corp.example, "localhost:8080", "[::1]:9000", 10.20.0.0/16, "fd00::/8", 100.64.0.0/12]}
        """,
    "anchors": """
        models: {default: &m {model: a/b, temperature: 0}}
        bots:
          a: &base {prompt: x, stream: false}
          b: {<<: *base, prompt: y}
          c: *base
        """,
}

INVALID: dict[str, tuple[str, str]] = {
    "a list at the top": (
        "- a\n",
        """
        1:1: the file must be a mapping of keys such as `bots:`, not a list or a single value
        """,
    ),
    "more than there is room for": (
        "bots: {a: {context: {tool_definitions: 0.5, tool_results: 0.6}}}\n",
        """
        1:12: bots.a.context: the shares add up to more than 1; leave a rest for the history
        """,
    ),
    "a command that is taken": (
        "bots: {a: {commands: {forget: x}}}\n",
        """
        1:8: bots.a: /forget belongs to botkit; choose another name
        """,
    ),
    "a word at the top": (
        "hello",
        """
        1:1: the file must be a mapping of keys such as `bots:`, not a list or a single value
        """,
    ),
    "a tab": (
        "bots:\n\ta: {}\n",
        """
        2:1: a tab cannot indent YAML; use spaces
        """,
    ),
    "a key twice": (
        "bots:\n  a: {}\n  b: {}\n  a: {}\n",
        """
        4:3: bots.a: `a` stands here twice; the first is on line 2
        """,
    ),
    "two documents": (
        "bots: {}\n---\nbots: {}\n",
        """
        2:1: only one document per file: remove the second `---`
        """,
    ),
    "a tag": (
        "bots: !!python/object:os.system {}\n",
        """
        1:7: bots: tags such as !name are not allowed here
        """,
    ),
    "an alias of nothing": (
        "bots: *b\n",
        """
        1:7: bots: `*b` has no anchor `&b` before it
        """,
    ),
    "an alias inside itself": (
        "bots: &b {a: *b}\n",
        """
        1:14: `*b` contains itself
        """,
    ),
    "an open quote": (
        'bots:\n  a: {prompt: "x}\n',
        """
        3:1: the text ends inside quotes that were never closed
        """,
    ),
    "a colon too many": (
        "bots: a: b\n",
        """
        1:8: a colon too many: put the value in quotes, or begin a new line
        """,
    ),
    "wrong indentation": (
        "bots:\n  a: {}\n b: {}\n",
        """
        3:2: this line does not fit the indentation above it
        """,
    ),
    "a control character": (
        "bots: {a: {prompt: \x01}}\n",
        """
        1:20: a character that text cannot hold
        """,
    ),
    "an unknown top key": (
        "bot: {}\n",
        """
        1:1: bot: unknown key (did you mean `bots`?)
        """,
    ),
    "an unknown version": (
        "version: 2\n",
        """
        1:10: version: must be 1
        """,
    ),
    "unknown keys at several depths": (
        """
        bots: {a: {modle: x/y}}
        settings: {sessions: {scop: room}, retention: {days: 3}}
        """,
        """
        2:12: bots.a.modle: unknown key (did you mean `model`?)
        3:23: settings.sessions.scop: unknown key (did you mean `scope`?)
        3:48: settings.retention.days: unknown key (did you mean `runs_days`?)
        """,
    ),
    "wrong types": (
        """
        bots: {a: {max_iterations: "10", stream: yes, prompt: 5, temperature: hot, tools: {allow: 3}}}
        channels: [1]
        """,
        """
        2:28: bots.a.max_iterations: must be a whole number, without quotes
        2:42: bots.a.stream: must be true or false, without quotes
        2:55: bots.a.prompt: must be text; put numbers, true, false and null in quotes
        2:71: bots.a.temperature: must be a number, without quotes
        2:91: bots.a.tools.allow: must be text; put numbers, true, false and null in quotes
        3:1: channels: must be a mapping of `key: value` lines
        """,
    ),
    "limits": (
        """
        bots: {a: {max_iterations: 0, timeout_s: 601, temperature: .nan, max_turn_cost: -1, history_messages: 1.5}}
        models: {m: {model: a/b, temperature: 2.5, timeout_s: 0}}
        """,
        """
        2:28: bots.a.max_iterations: must be at least 1
        2:42: bots.a.timeout_s: must be at most 600
        2:60: bots.a.temperature: must be a finite number
        2:81: bots.a.max_turn_cost: must be at least 0
        2:103: bots.a.history_messages: must be a whole number, without quotes
        3:39: models.m.temperature: must be at most 2
        3:55: models.m.timeout_s: must be more than 0
        """,
    ),
    "money in words": (
        "bots: {a: {max_turn_cost: five}, b: {max_turn_cost: 1 EUR}, c: {max_turn_cost: {amount: 0.1234567}}}\n",
        """
        1:27: bots.a.max_turn_cost: this must be an amount of money such as 5 USD
        1:38: bots.b.max_turn_cost.currency: prices are counted in USD, see settings.currency
        1:89: bots.c.max_turn_cost.amount: takes at most 6 decimals
        """,
    ),
    "names": (
        """
        bots: {Order_Desk: {}, a--b: {}, abcdefghijklmnopqrstuvwxyz0123456: {}}
        models: {m: gpt-5}
        """,
        """
        2:8: bots.Order_Desk: a name here has at most 32 lower-case letters, digits and single hyphens, such as order-desk
        2:24: bots.a--b: a name here has at most 32 lower-case letters, digits and single hyphens, such as order-desk
        2:34: bots.abcdefghijklmnopqrstuvwxyz0123456: a name here has at most 32 lower-case letters, digits and single hyphens, such as order-desk
        3:13: models.m: write the model as provider/name, such as openai/gpt-5-mini or demo/offline
        """,
    ),
    "models that lead nowhere": (
        """\
        models:
          a: {model: b/c, escalate: {to: nobody, on: [tired]}}
          d: {model: b/c, escalate: e}
          e: {model: b/c, escalate: d, cache: {share: all}}
        bots:
          desk: {output: {schema: {type: string}}}
          till: {output: {schema: {type: object, properties: {a: {type: nought}}}}}
          shop: {output: {schema: {type: object}, say: reply}}
        """,
        """
        2:34: models.a.escalate.to: no model is called `nobody` (there is: a, d, e, fast, standard, strong)
        2:47: models.a.escalate.on.0: `tired` is not invalid, filtered, length, unsure or tool_failures (did you mean `filtered`?)
        3:29: models.d.escalate: escalates to itself: d → e → d
        4:47: models.e.cache.share: `all` is not person or workspace
        6:10: bots.desk.output: the schema of an answer has `type: object`
        7:10: bots.till.output: this is no JSON Schema: "nought" is not valid under any of the schemas listed in the 'anyOf' keyword
        8:10: bots.shop.output: `say` names the property `reply`, which the schema does not have
        """,
    ),
    "models that hear nothing": (
        """
        models: {a: {model: b/c, reads: [video], price: {output_per_million: 1}}}
        bots: {helper: {voice: sometimes}}
        settings: {speech: {transcription: ears, synthesis: b/d, longest_chars: 9999}}
        """,
        """
        2:34: models.a.reads.0: `video` is not image, audio or document
        2:42: models.a.price: input_per_million is missing; speech has per_second or per_million_characters
        3:24: bots.helper.voice: `sometimes` is not never, when_spoken_to or always
        4:36: settings.speech.transcription: no model is called `ears` (there is: a, fast, standard, strong)
        4:73: settings.speech.longest_chars: must be at most 4096
        """,
    ),
    "names that point nowhere": (
        """
        models: {fast: {model: a/b, fallbacks: [slow]}}
        servers: {orders: {command: x}}
        workspaces: {desk: {servers: [order], tools: {notes__*: {class: write}, add: {}}, roles: {boss: {}}}}
        bots: {helper: {model: fats, workspace: dsk, tools: {allow: [order__x]}}}
        channels:
          tg: {platform: telegram, dm_policy: open, bot: helpr, token: {secret: T}, rooms: {1: {bot: x, model: y}}}
        settings: {approvals: {approvers: [admn], channel: tgg}}
        """,
        """
        2:41: models.fast.fallbacks.0: no model is called `slow` (there is: fast, standard, strong)
        4:31: workspaces.desk.servers.0: no server is called `order` (did you mean `orders`?)
        4:47: workspaces.desk.tools.notes__*: no server is called `notes` (there is: orders)
        4:73: workspaces.desk.tools.add: a tool is written server__tool, or as a pattern such as orders__*
        4:91: workspaces.desk.roles.boss: no role is called `boss` (there is: admin, developer, guest, member, read-only)
        5:24: bots.helper.model: no model is called `fats` (did you mean `fast`?)
        5:41: bots.helper.workspace: no workspace is called `dsk` (did you mean `desk`?)
        5:62: bots.helper.tools.allow.0: no server is called `order` (did you mean `orders`?)
        7:50: channels.tg.bot: no bot or team is called `helpr` (did you mean `helper`?)
        7:94: channels.tg.rooms.1.bot: no bot or team is called `x` (there is: helper)
        7:104: channels.tg.rooms.1.model: no model is called `y` (there is: fast, standard, strong)
        8:36: settings.approvals.approvers.0: no role or person is called `admn` (did you mean `admin`?)
        8:52: settings.approvals.channel: no channel is called `tgg` (did you mean `tg`?)
        """,
    ),
    "budgets of nobody": (
        """
        bots: {desk: {spending_cap: 5 EUR}}
        budgets:
          b: {bots: [dsk], people: ada, teams: t, workspaces: [default, w], channels: ["*", c], roles: boss, spend: 5}
          c: {bots: "*"}
        """,
        """
        2:15: bots.desk.spending_cap.currency: prices are counted in USD, see settings.currency
        4:14: budgets.b.bots.0: no bot is called `dsk` (did you mean `desk`?)
        4:20: budgets.b.people.0: no person is called `ada`
        4:33: budgets.b.teams.0: no team is called `t`
        4:65: budgets.b.workspaces.1: no workspace is called `w` (there is: default)
        4:85: budgets.b.channels.1: no channel is called `c`
        4:89: budgets.b.roles.0: no role is called `boss` (there is: admin, developer, guest, member, read-only)
        5:3: budgets.c: a budget needs at least one of spend, tokens or tool_calls
        """,
    ),
    "fallbacks in a circle": (
        "models: {a: {model: x/y, fallbacks: [b]}, b: {model: x/y, fallbacks: [c, a]}, c: x/z}\n",
        """
        1:26: models.a.fallbacks: falls back to itself: a → b → a
        """,
    ),
    "references of broken entries are still checked": (
        """
        bots: {a: {modle: x/y, workspace: nowhere}, b: {workspace: nowhere}}
        channels: {t: {platform: telegram, dm_policy: open, bot: a, token: {secret: T}}}
        """,
        """
        2:12: bots.a.modle: unknown key (did you mean `model`?)
        2:35: bots.a.workspace: no workspace is called `nowhere` (there is: default)
        2:60: bots.b.workspace: no workspace is called `nowhere` (there is: default)
        """,
    ),
    "a channel without a policy": (
        "{bots: {a: {}}, channels: {t: {platform: telegram, bot: a}, u: {bot: a}}}\n",
        """
        1:28: channels.t: `dm_policy` is missing
        1:28: channels.t: `token` is missing
        1:61: channels.u: a channel needs `platform`: telegram, discord, slack, whatsapp, web, custom
        """,
    ),
    "sites that are no origins": (
        """
        bots: {a: {}}
        channels:
          one: {platform: web, bot: a, allowed_origins: [https://www.example.com/shop, http://www.example.com, "*"]}
        """,
        """
        4:50: channels.one.allowed_origins.0: an origin is a scheme and a host, such as https://www.example.com, without a path
        4:80: channels.one.allowed_origins.1: sites on http:// can be changed on their way to the visitor; only localhost may use it
        4:104: channels.one.allowed_origins.2: an origin is a scheme and a host, such as https://www.example.com, without a path
        """,
    ),
    "one account on two channels": (
        """
        bots: {a: {}}
        channels:
          one: {platform: telegram, dm_policy: pairing, bot: a, token: {secret: T}}
          two: {platform: telegram, dm_policy: pairing, bot: a, token: {secret: T}}
          off: {platform: telegram, dm_policy: pairing, bot: a, token: {secret: T}, enabled: false}
        """,
        """
        5:57: channels.two.token: `one` uses this account already; one account, one channel
        """,
    ),
    "user names and strangers on a list": (
        """
        bots: {a: {}}
        people: {ada: {}}
        channels:
          t: {platform: telegram, dm_policy: allowlist, bot: a, token: {secret: T}, allow: ["@ada", adda, ada, 5]}
        """,
        """
        5:85: channels.t.allow.0: user names change hands; write the numeric id, or a name from `people`
        5:93: channels.t.allow.1: no person is called `adda` (did you mean `ada`?)
        """,
    ),
    "people": (
        """
        people:
          ada: {roles: [admn], identities: {telegram: 5, telegrm: 6}, timezone: Europe/Berln, locale: "?"}
          bob: {identities: {telegram: [4, 5]}}
        """,
        """
        3:17: people.ada.roles.0: no role is called `admn` (did you mean `admin`?)
        3:50: people.ada.identities.telegrm: no channel or platform is called `telegrm` (did you mean `telegram`?)
        3:73: people.ada.timezone: no such time zone; use a name such as Europe/Berlin or UTC
        3:95: people.ada.locale: this does not have the form expected here (Their language; as their platform says when absent)
        4:36: people.bob.identities.telegram.1: `ada` has this id already; one id, one person
        """,
    ),
    "private hosts": (
        """
        settings:
          http: {allow_private: ["https://a.example", "a b", 10.0.0.1/8, 127.0.0.0/8, 8.8.8.0/24, 0.0.0.0/0, 169.254.0.0/16]}
        """,
        """
        3:26: settings.http.allow_private.0: write a host (tickets.corp.example, with :8080 for one port) or a network such as 10.20.0.0/16
        3:47: settings.http.allow_private.1: this is no host; write a name or an address, with a port where only that one is meant
        3:54: settings.http.allow_private.2: write a host (tickets.corp.example, with :8080 for one port) or a network such as 10.20.0.0/16
        3:66: settings.http.allow_private.3: name this machine as localhost or 127.0.0.1, with the port that is meant
        3:79: settings.http.allow_private.4: this is no private network, such as 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8
        3:91: settings.http.allow_private.5: this is no private network, such as 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8
        3:102: settings.http.allow_private.6: this is no private network, such as 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8
        """,
    ),
    "one id for two people": (
        "people: {ada: {identities: {telegram: 5}}, bob: {identities: {telegram: [4, 5], tg: 1}}}\n",
        """
        1:77: people.bob.identities.telegram.1: `ada` has this id already; one id, one person
        1:81: people.bob.identities.tg: no channel or platform is called `tg` (there is: custom, discord, email, phone, sandbox, slack, telegram, terminal, web, whatsapp)
        """,
    ),
    "servers of no kind": (
        "servers: {a: {}, b: {comand: npx}, c: 3, d: {command: x, type: http}, e: {run: notes.js}, f: {run: ../x.py}}\n",
        """
        1:11: servers.a: a server needs one of run (a Python file), command (a program) or url
        1:18: servers.b: a server needs one of run (a Python file), command (a program) or url
        1:39: servers.c: a server needs one of run (a Python file), command (a program) or url
        1:42: servers.d: type: http needs a url
        1:80: servers.e.run: this does not have the form expected here (The file, relative to the project, such as `workspace/servers/notes.py`)
        1:100: servers.f.run: leads out of the project
        """,
    ),
    "a secret in two places": (
        "servers: {a: {command: x, inject: [{secret: A, header: X, query: y}, {secret: B, header: 'no good'}]}}\n",
        """
        1:36: servers.a.inject.0: choose one place for the secret: header or query
        1:90: servers.a.inject.1.header: this does not have the form expected here (Send it as this HTTP header)
        """,
    ),
    "mail and messages that cannot leave": (
        """
        settings:
          mail: {provider: smtp, from: nobody, host: mail.example.com, security: none}
          sms: {provider: pigeon}
          identity: {url: "http://ids.example.com", key: abc}
        """,
        """
        3:32: settings.mail.from: this must be an address such as desk@example.com or `Desk <desk@example.com>`
        4:3: settings.sms: sms needs a provider: twilio, msg91 or http
        5:19: settings.identity.url: codes and keys go only to an https:// address
        5:50: settings.identity.key: a secret does not stand in the file: store it with `botkit secrets set NAME` and write {secret: NAME}
        """,
    ),
    "approvers nobody can write to": (
        """
        people: {ada: {name: Ada}}
        settings:
          approvals: {email: [ada, bob, eve@example.com]}
        """,
        """
        4:15: settings.approvals.email: no mail can be sent (say how in settings.mail)
        4:23: settings.approvals.email.0: this person has no mail address (give them identities.email)
        4:28: settings.approvals.email.1: no person is called `bob` (there is: ada)
        """,
    ),
    "a room of no channel": (
        "settings: {approvals: {room: -100}}\n",
        """
        1:30: settings.approvals.room: needs settings.approvals.channel beside it
        """,
    ),
    "secrets a program cannot take": (
        """
        servers:
          a:
            command: x
            inject:
              - {secret: A}
              - {secret: B, env: B_KEY}
              - {secret: C, header: X-Key}
              - secret: D
                bearer: true
              - {secret: E, query: key}
              - {secret: F, body: true}
              - {secret: G, as: named}
        """,
        """
        8:21: servers.a.inject.2.header: a program takes secrets in its environment, so `header` has no effect here (write env: C)
        10:9: servers.a.inject.3.bearer: a program takes secrets in its environment, so `bearer` has no effect here (write env: D)
        11:21: servers.a.inject.4.query: a program takes secrets in its environment, so `query` has no effect here (write env: E)
        12:21: servers.a.inject.5.body: a program takes secrets in its environment, so `body` has no effect here (write env: F)
        13:21: servers.a.inject.6.as: a program takes secrets in its environment, so `as` has no effect here (write env: G)
        """,
    ),
    "commands": (
        "bots: {a: {commands: {help: x}}, b: {commands: {Über: x}}}\n",
        """
        1:8: bots.a: /help belongs to botkit; choose another name
        1:34: bots.b: a command has at most 32 lower-case letters, digits and underscores, no slash
        """,
    ),
    "two prompts": (
        "bots: {a: {prompt: x, prompt_file: y.md}}\n",
        """
        1:36: bots.a.prompt_file: choose one of prompt and prompt_file
        """,
    ),
    "a mark only botkit sets": (
        "servers: {a: {run: a.py, discovered: true}}\n",
        """
        1:26: servers.a.discovered: is set by botkit, not in the file
        """,
    ),
    "workflows": (
        """
        bots: {a: {workflow: refnd}}
        workflows:
          refund: refund.yaml
          odd: {file: refund.txt}
          out: ../refund.yaml
          both: {steps: [end], nodes: [{id: a, type: b}]}
        """,
        """
        2:22: bots.a.workflow: no workflow is called `refnd` (did you mean `refund`?)
        4:11: workflows.refund: refund.yaml is not part of this revision
        5:15: workflows.odd.file: a workflow's file ends in .yaml, .json or .py
        6:8: workflows.out: leads out of the project
        7:3: workflows.both: a workflow has either steps or nodes and edges, not both
        """,
    ),
    "features to come": (
        """
        bots: {a: {}}
        skills: {}
        functions: {}
        channels: {d: {platform: custom, bot: a, secret: {secret: D}}}
        endpoints: {e: {prompt: Extract.}}
        """,
        """
        6:1: endpoints: not available in this version yet
        """,
    ),
}
"""Name → text, and what is said about it: `line:column: path: sentence`, one per line."""
