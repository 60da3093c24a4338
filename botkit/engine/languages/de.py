"""German. People are addressed as `du`, as apps do."""

from __future__ import annotations

__all__ = ["GERMAN"]

from botkit.engine.languages.language import Language

GERMAN = Language(
    code="de",
    hello="Hallo, ich bin **{bot}**.{about}\n\nSchreib mir, was du brauchst, oder /help für alles, was ich verstehe.",
    help="Ich bin **{bot}**. Schreib mir einfach, oder nutze einen Befehl:",
    about_start="Begrüßen und sagen, wofür dieser Bot da ist",
    about_help="Diese Befehle zeigen",
    about_new="Ein neues Gespräch beginnen",
    about_stop="Die laufende Antwort anhalten",
    about_status="Zeigen, was in diesem Gespräch gerade geschieht",
    about_whoami="Zeigen, für wen ich dich halte",
    about_link="Deine Konten auf mehreren Plattformen verbinden",
    link_in_private="Zu deinem Schutz nur unter uns: Schreib mir /link in einem privaten Chat.",
    link_too_often="Das war zu oft. Versuch es in {minutes} Minuten noch einmal.",
    link_code=(
        "Dein Code ist `{code}`. Schreib innerhalb von {minutes} Minuten `/link {code}` in einem privaten Chat "
        "mit mir auf der anderen Plattform. **Gib ihn niemandem**: Er verbindet Konten."
    ),
    link_confirm=(
        "Dieses Konto wird mit **{name}** auf `{channel}` verbunden. Bist du das, dann bestätige es dort mit "
        "`/link {code}`. **Tu das für niemand anderen.**"
    ),
    link_own="Dieser Code ist für die andere Plattform: Gib ihn dort ein.",
    link_same="Diese Konten sind schon verbunden.",
    link_conflict="Diese Konten gehören laut dem Betreiber zwei Menschen; nur er kann sie verbinden.",
    link_unknown="Diesen Code kenne ich nicht. Vielleicht ist er benutzt oder zu alt: /link gibt dir einen neuen.",
    link_done="Verbunden: Du bist hier und auf `{channel}` dieselbe Person.",
    about_memory="Zeigen, was ich mir über dich merke",
    about_forget="Etwas vergessen, das ich mir merke",
    memory_none="Ich merke mir hier nichts.",
    memory_list="Das merke ich mir:",
    memory_of_chat="aus diesem Gespräch",
    memory_more="… und {count} weitere.",
    memory_how="`/forget` und eine Nummer löscht eines davon, `/forget all` alles.",
    memory_in_group=(
        "Hier zeige ich nur, was ich mir von dieser Gruppe merke. Was nur dich betrifft, zeige ich im privaten Chat."
    ),
    forget_what="Sag mir, was: `/forget` und eine Nummer, die /memory zeigt, oder `/forget all`.",
    forget_unknown="Ich merke mir nichts, das so heißt. Siehe /memory.",
    forget_sure="Das löscht {count} Notizen endgültig. Zur Bestätigung schreib `/forget all yes`.",
    forget_not_for_all=(
        "In einer Gruppe kann nur ein Administrator alles vergessen lassen. Einzelne Notizen kann jeder löschen."
    ),
    forgotten="Vergessen: {what}. Ein neues Gespräch beginnt, damit es aus diesem nicht zurückkommt.",
    forgotten_all="Vergessen: alle {count} Notizen. Ein neues Gespräch beginnt, damit aus diesem nichts zurückkommt.",
    new_conversation="Erledigt: Das ist ein neues Gespräch.",
    one_approval_waits="1 Freigabe steht noch aus.",
    approvals_wait="{count} Freigaben stehen noch aus.",
    nothing_runs="Gerade läuft nichts.",
    messages_stopped="Ich schreibe Ihnen nicht mehr ungefragt. Mit /start messages erlauben Sie es wieder.",
    messages_allowed="Ich darf Ihnen wieder schreiben.",
    bot_and_model="Bot: {bot} · Modell: {model}",
    working="Ich arbeite an einer Antwort.",
    ready="Bereit.",
    waiting_for_approval="Warte auf die Freigabe von `{what}`.",
    waiting_for_answer="Warte auf deine Antwort auf `{what}`.",
    waiting_for_colleague="Warte darauf, dass jemand aus dem Team nach `{what}` sieht.",
    waiting_for_other="Warte ({kind}): `{what}`.",
    an_answer="eine Antwort",
    remembers_one="Ich erinnere mich an 1 Nachricht aus diesem Gespräch.",
    remembers="Ich erinnere mich an {count} Nachrichten aus diesem Gespräch.",
    you_are="Du bist **{name}** (`{person}`), {roles}.",
    you_are_here="Hier bist du `{account}` auf `{channel}`.",
    unknown="unbekannt",
    taken_over=("**{what}**: bitte übernimm. {asked_by}\nAntworte hier auf eine Nachricht; gib am Ende zurück."),
    hand_back="Zurückgeben",
    handed_back="Zurückgegeben{by}.",
    approval_needed="**Freigabe nötig** für `{tool}`",
    tainted="_Ich frage, weil ich gelesen habe, was andere geschrieben haben: {sources}. Willst du das, oder die?_",
    asked_by="Angefragt von {person}, über {bot} auf `{channel}`.",
    asked_by_member="Angefragt von {member}, Mitglied von `{workspace}`, über einen MCP-Client.",
    colleague_decides="Jemand aus dem Team muss entscheiden. Sobald das geschehen ist, melde ich mich hier.",
    decide_by_command="Zum Entscheiden: `{command}`",
    approve="Freigeben",
    reject="Ablehnen",
    approved_now="Freigegeben.",
    rejected_now="Abgelehnt.",
    already_approved="Das wurde schon freigegeben.",
    already_rejected="Das wurde schon abgelehnt.",
    already_expired="Das ist schon abgelaufen.",
    already_cancelled="Das wurde schon abgebrochen.",
    only_may_decide="Das darf nur {who} entscheiden.",
    button_unused="Dieser Knopf wird nicht mehr verwendet.",
    approved="**Freigegeben**{by}: `{tool}`",
    rejected="**Abgelehnt**{by}: `{tool}`",
    by=" von {name}",
    expired="**Abgelaufen**: Über `{tool}` hat niemand rechtzeitig entschieden.",
    cancelled="**Abgebrochen**: `{tool}` wird nicht aufgerufen.",
    please_answer="Bitte antworte.",
    not_asked_you="Diese Frage geht an jemand anderen.",
    already_answered="Das wurde schon beantwortet.",
    fill_in="Ausfüllen",
    send="Absenden",
    not_now="Jetzt nicht",
    skip="Überspringen",
    yes="Ja",
    no="Nein",
    optional="_Freiwillig: `-` lässt es aus._",
    date_form="_Als JJJJ-MM-TT, etwa 2027-03-31._",
    answer_by_number="_Antworte mit der Nummer oder dem Namen._",
    answer_by_numbers="_Antworte mit den Nummern oder Namen, durch Kommas getrennt._",
    does_not_fit="Das passt nicht. {problem}",
    outcome_unknown=(
        "Die Verbindung brach ab, während `{tool}` ausgeführt wurde, deshalb weiß ich nicht, ob es geschehen ist. "
        "Von mir aus versuche ich es nicht noch einmal: Jemand aus dem Team sieht nach und entscheidet. "
        "Danach melde ich mich hier."
    ),
    model_filtered="Der Filter des Modellanbieters hat die Antwort angehalten.",
    model_empty="Darauf habe ich keine Antwort. Bitte frag noch einmal mit anderen Worten.",
    model_busy="Das Modell ist gerade überlastet. Bitte versuch es in einer Minute noch einmal.",
    model_refused=(
        "Ich kann gerade nicht antworten: Das Modell hat die Anfrage abgelehnt. "
        "Der Betreiber sieht im Protokoll, warum."
    ),
    model_unreachable="Ich erreiche das Modell gerade nicht. Bitte versuch es gleich noch einmal.",
    answer_cut="(Hier hat meine Antwort ihre Höchstlänge erreicht. Bitte mich fortzufahren.)",
    not_read="(Ich konnte nicht hineinsehen: {files}.)",
    limit_reached="Hier musste ich aufhören: {why}.{so_far} Schreib noch einmal, wenn ich weitermachen soll.",
    limit_tokens="dafür waren {used} Token nötig, und für eine Nachricht sind höchstens {limit} vorgesehen",
    limit_cost="das Geld für eine Nachricht ({limit} ¢) ist aufgebraucht",
    limit_time="die Zeit für eine Nachricht ({limit} s) ist aufgebraucht",
    limit_one_round="ich darf Werkzeuge je Nachricht in 1 Runde benutzen, und die ist aufgebraucht",
    limit_rounds="ich darf Werkzeuge je Nachricht in {limit} Runden benutzen, und die sind aufgebraucht",
    limit_repeats="derselbe Aufruf von {tool} wurde immer wieder gemacht",
    used_so_far=" Bisher habe ich {tools} benutzt.",
    tool_failed="fehlgeschlagen",
    still_waiting="Ich warte noch auf eine Entscheidung über `{what}` und antworte, sobald sie da ist.",
    connect_account=(
        "`{server}` braucht dein eigenes Konto. Verbinde es hier: "
        "Der Link ist nur für dich und gilt einmal, 15 Minuten lang.\n\n"
        "{link}\n\nFrag danach noch einmal dort, wo du gefragt hast."
    ),
    pairing=(
        "Ich kenne dich noch nicht. Dein Kopplungscode ist `{code}`. Gib ihn dem Betreiber, der dich mit `{command}` "
        "hereinlässt."
    ),
    unreadable=(
        "Diese Art von Nachricht ({kind}) kann ich nicht lesen. Sag es mir bitte in Worten, oder schick "
        "ein Bild oder eine Datei."
    ),
    cannot_hear="Sprachnachrichten kann ich hier nicht anhören. Bitte schreib mir.",
    heard_nothing=(
        "In deiner Sprachnachricht konnte ich keine Worte verstehen. Bitte sprich sie noch einmal oder schreib mir."
    ),
    hearing_failed=(
        "Deine Sprachnachricht konnte ich gerade nicht anhören. Bitte schick sie noch einmal oder schreib mir."
    ),
    voice_too_long=(
        "Diese Sprachnachricht ist zu lang für mich: Ich höre höchstens {minutes} Minuten. Bitte fass dich "
        "kürzer oder schreib mir."
    ),
    budget_used_up="Das kann ich jetzt nicht beantworten: Das Budget dafür ist aufgebraucht{until}.",
    until=" bis {when}",
    budget_low_own="Du hast {percent} % deines Budgets `{budget}` verbraucht. Übrig{until}: {left}.",
    budget_low="**Budget `{budget}`**{who}: {percent} % sind verbraucht. Übrig{until}: {left}.",
    budget_left="Budget `{budget}`, übrig{until}: {left}.",
    tokens="{count} Token",
    tool_calls="{count} Werkzeugaufrufe",
    stopped="Angehalten.",
    failed=(
        "Leider konnte ich darauf nicht antworten ({code}). Wenn du es meldest, nenne bitte diese Kennung: `{trace}`."
    ),
    went_wrong="Etwas ist schiefgegangen und wurde vermerkt. Wenn du es meldest, nenne bitte diese Kennung: `{trace}`.",
)
